module.exports = {
  portal: {
    input: "./openapi.json",
    output: { target: "./generated/orval.ts", client: "fetch", mode: "single", baseUrl: process.env.PORTAL },
  },
};
