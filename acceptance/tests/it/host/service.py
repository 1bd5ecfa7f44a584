#!/usr/bin/python3
# The user-data of an instance whose broker is a small server that tells how it is confined.
import os
import subprocess

BROKER = '''#!/usr/bin/python3
import http.server, os, pwd, resource, socket, threading
written = []
for path in ("/opt/x", "/etc/x", "/var/x", "/run/x", "/usr/local/x"):
    try:
        open(path, "w")
        written.append(path)
    except OSError:
        pass
privileges = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd")][0].strip("0") or 0
print("user %s, core %d, privileges %s, written %s" % (pwd.getpwuid(os.getuid()).pw_name,
      resource.getrlimit(resource.RLIMIT_CORE)[1], privileges, written or "nothing"), flush=True)


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


threading.Thread(target=http.server.HTTPServer(("", 9464), Health).serve_forever, daemon=True).start()
listener = socket.create_server(("", 9092))
while True:
    stream, _ = listener.accept()
    stream.sendall(b"hello")
    stream.close()
'''
UNIT = """[Service]
ExecStart=/opt/broker
User=nobody
Restart=always
RestartSec=100ms
LimitCORE=0
ProtectSystem=strict
PrivateTmp=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
"""
open("/opt/broker", "w").write(BROKER)
os.chmod("/opt/broker", 0o755)
open("/etc/systemd/system/ringfence-broker.service", "w").write(UNIT)
subprocess.run(["systemctl", "mask", "--now", "amazon-ssm-agent.service"], check=True)
subprocess.run(["systemctl", "daemon-reload"], check=True)
subprocess.run(["systemctl", "enable", "--now", "ringfence-broker"], check=True)
