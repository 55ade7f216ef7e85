"""The Flask extensions, bare: the factory ties them to an app."""

from flask import Response
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx

from portal.models.base import Base


class SessionLogin(LoginManager):
    """Sign-in by the session alone, without Flask-Login's second, remembering cookie.

    Its hook for that cookie reads the session at every answer, and so would make the API's answers vary by a cookie
    that the API never looks at.
    """

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


db = SQLAlchemy(model_class=Base)
migrate = Migrate()
login_manager = SessionLogin()
csrf = CSRFProtect()
htmx = Htmx()
