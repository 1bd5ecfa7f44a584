#!/usr/bin/python3
# The user-data of an instance that has no namespaces: it does what a boot script does, with the addresses and paths of EC2.
import os
import subprocess
import urllib.request

BROKER = '''import http.server, sys, tomllib
address, port = tomllib.load(open(sys.argv[2], "rb"))["health_listen"].split(":")


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


http.server.HTTPServer((address, int(port)), Health).serve_forever()
'''
UNIT = """[Service]
ExecStart=/usr/bin/env python3 /opt/ringfence/broker.py --config /etc/ringfence/broker.toml
User=ringfence
Restart=always
ProtectSystem=strict
"""
metadata = "http://169.254.169.254/latest/"
token = urllib.request.Request(metadata + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
headers = {"X-aws-ec2-metadata-token": urllib.request.urlopen(token).read().decode()}
address = urllib.request.urlopen(urllib.request.Request(metadata + "meta-data/local-ipv4", headers=headers)).read().decode()
assert address == "127.77.0.10", address
for path, content in [("/opt/ringfence/broker.py", BROKER), ("/etc/systemd/system/ringfence-broker.service", UNIT),
                      ("/etc/ringfence/broker.toml", 'health_listen = "0.0.0.0:9464"\n')]:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(content)
open("/dev/console", "w").write("a line on the console\n")
subprocess.run(["useradd", "--system", "ringfence"], check=True)
subprocess.run(["systemctl", "mask", "--now", "snapd.service"], check=True)
subprocess.run(["systemctl", "enable", "--now", "ringfence-broker.service"], check=True)
