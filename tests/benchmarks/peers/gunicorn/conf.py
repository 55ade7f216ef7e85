"""How gunicorn serves the peers: as it serves the portal, with one worker."""

worker_class = "gthread"
workers = 1
threads = 4
keepalive = 5
accesslog = None
loglevel = "warning"
control_socket_disable = True
