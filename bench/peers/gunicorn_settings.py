import json

bind = "127.0.0.1:0"
workers = 1
worker_class = "gthread"
threads = 10
loglevel = "error"


def post_worker_init(worker):
    port = worker.sockets[0].getsockname()[1]
    print(json.dumps({"ready": True, "urls": {"api": f"http://127.0.0.1:{port}"}}, separators=(",", ":")), flush=True)
