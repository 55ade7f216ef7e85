"""A Flask app with one no-op route: the cost of the server and of Flask."""

from flask import Flask

app = Flask(__name__)


@app.get("/bench/nothing")
def nothing() -> str:
    return "nothing"
