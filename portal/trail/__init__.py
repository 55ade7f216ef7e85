"""The trail of accounts: who signed in, who was let in or out, who took what away."""
