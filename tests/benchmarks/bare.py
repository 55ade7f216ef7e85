"""A Flask app with nothing of the portal's in it: what the server and Flask take by themselves."""

from flask import Flask

app = Flask(__name__)


@app.get("/bench/nothing")
def nothing() -> str:
    """Nothing."""
    return "nothing"
