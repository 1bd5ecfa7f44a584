#!/usr/bin/python3
# The user-data of an instance that looks around and fails when it sees more or less than an instance does.
import os
import socket
import urllib.error
import urllib.request

METADATA = "http://169.254.169.254/latest/"


def ask(path, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(METADATA + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


assert ask("meta-data/instance-id") == (401, ""), "metadata without a token"
_, token = ask("api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
assert ask("meta-data/instance-id", X_aws_ec2_metadata_token=token) == (200, "i-4")
assert ask("meta-data/local-ipv4", X_aws_ec2_metadata_token=token) == (200, "10.77.0.4")
assert ask("meta-data/placement/region", X_aws_ec2_metadata_token=token) == (200, "eu-central-1")
assert ask("meta-data/iam/security-credentials/", X_aws_ec2_metadata_token=token) == (404, ""), "there is no role"
assert ask("user-data", X_aws_ec2_metadata_token=token)[1] == open(__file__).read(), "not the bytes that run"

assert urllib.request.urlopen("http://198.18.0.1:4566/", timeout=5).read() == b"store"
assert socket.gethostname() == "ip-10-77-0-4"
assert os.getuid() == 0
for folder in ("/root", "/home", "/usr/local/bin", "/tmp", "/opt"):
    assert os.listdir(folder) == [], folder + " is not empty"
assert len([name for name in os.listdir("/proc") if name.isdigit()]) == 2, "processes that are not the instance's"
open("/etc/mark", "w").write("seen inside only")
open("/dev/console", "w").write("a line on the console\n")
try:
    socket.create_connection(("203.0.113.9", 443), 2)
    raise SystemExit("there is a way out")
except OSError:
    pass
