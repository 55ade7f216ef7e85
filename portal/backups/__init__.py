"""The whole database as one file, and back: `flask --app wsgi backup FILE` and `restore FILE`.

What is special to one engine stands in the module of its name; both have `write`, `inspect` and `restore`.
"""
