"""Accounts: sign-in, sessions, two-factor authentication, API tokens and OpenID Connect."""
