"""Back up the whole database to one file, and restore it: `flask --app wsgi backup FILE` and `restore FILE`.

The modules `sqlite` and `postgresql` have the same functions: `write`, `inspect` and `restore`.
"""
