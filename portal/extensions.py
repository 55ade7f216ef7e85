"""The Flask extensions; create_app binds them to an app."""

from flask import Response
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx

from portal.models.base import Base


class SessionLogin(LoginManager):
    """Sign-in by the session only, without Flask-Login's "remember me" cookie.

    The hook for that cookie reads the session in every response, which would add `Vary: Cookie` to the API's responses.
    """

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


db = SQLAlchemy(model_class=Base)
migrate = Migrate()
login_manager = SessionLogin()
csrf = CSRFProtect()
htmx = Htmx()
