"""gunicorn's settings for the peers: those of the portal, with one worker."""

worker_class = "gthread"
workers = 1
threads = 4
keepalive = 5
accesslog = None
loglevel = "warning"
control_socket_disable = True
