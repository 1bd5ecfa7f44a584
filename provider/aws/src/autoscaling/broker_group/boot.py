#!/usr/bin/python3
"""Boots a Ringfence broker on a stock instance. Made by Terraform; python3's standard library only."""
import datetime, hashlib, hmac, io, json, os, pwd, subprocess, sys, tarfile, time
import urllib.error, urllib.parse, urllib.request

CONFIG = json.loads(__CONFIG__)
IMDS = __IMDS__
ROOT = __ROOT__
# What stock images run and what would talk to the outside; a unit that is not there is no error.
MASKED = ["amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service", "snapd.service", "snapd.socket",
          "apt-daily.timer", "apt-daily.service", "apt-daily-upgrade.timer", "apt-daily-upgrade.service",
          "unattended-upgrades.service", "motd-news.timer", "dnf-makecache.timer", "ua-timer.timer"]
UNIT = "ringfence-broker.service"
# No proxy, whatever the environment says: the metadata service and the store are reached directly or not at all.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
STATE = {"stage": "start", "instance": None}


class BootError(Exception):
    pass


def say(text):
    line = "ringfence-boot: " + text
    print(line, file=sys.stderr, flush=True)
    try:
        with open("/dev/console", "w") as console:
            console.write(line + "\r\n")
    except OSError:
        pass


def stage(name):
    STATE["stage"] = name
    say(name)


def call(request, what):
    """One HTTP exchange, repeated while it may still succeed: roles and routes take seconds to appear."""
    for attempt in range(CONFIG["attempts"]):
        try:
            with OPENER.open(request() if callable(request) else request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            body = error.read(500).decode("utf-8", "replace")
            problem = "%s answered HTTP %d: %s" % (what, error.code, body)
            if error.code not in (403, 404, 429, 500, 502, 503, 504):
                break
        except OSError as error:
            problem = "%s cannot be reached: %s" % (what, error)
        if attempt + 1 < CONFIG["attempts"]:
            time.sleep(min(2 ** attempt, 10))
    raise BootError(problem)


def metadata():
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
    make = urllib.request.Request(IMDS + "/latest/api/token", method="PUT", headers=ttl)
    token = call(make, "the metadata service (token, IMDSv2)").decode()

    def get(path):
        request = urllib.request.Request(IMDS + "/latest/meta-data/" + path, headers={"X-aws-ec2-metadata-token": token})
        return call(request, "the metadata service (%s)" % path).decode().strip()

    return get


def signed(credentials, method, key, body=b"", extra=()):
    """A request for an object of the metadata bucket, signed with Signature Version 4."""
    endpoint, bucket = CONFIG["s3_endpoint"], CONFIG["metadata_bucket"]
    base = endpoint.rstrip("/") + "/" + bucket if endpoint else "https://%s.%s" % (bucket, CONFIG["s3_host"])
    url = urllib.parse.urlsplit(base + "/" + urllib.parse.quote(key, safe="/-_.~"))
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": url.netloc, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now,
               "x-amz-security-token": credentials["Token"], **dict(extra)}
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, url.path, ""] + ["%s:%s" % (n, headers[n]) for n in sorted(headers)]
                          + ["", names, headers["x-amz-content-sha256"]])
    scope = "%s/%s/s3/aws4_request" % (now[:8], CONFIG["region"])
    secret = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        credentials["AccessKeyId"], scope, names, signature)
    del headers["host"]
    return urllib.request.Request(url.geturl(), data=body if method == "PUT" else None, method=method, headers=headers)


def report(credentials, error):
    """Leaves stage and error where the provider reads them. Never a reason to fail: the console has them too."""
    body = json.dumps({"stage": STATE["stage"], "error": error, "time": int(time.time())}).encode()
    key = "%s/live/boot/%s" % (CONFIG["cluster"], STATE["instance"])
    extra = {"content-type": "application/json"}
    if CONFIG["metadata_kms_key_id"]:
        extra.update({"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-bucket-key-enabled": "true",
                      "x-amz-server-side-encryption-aws-kms-key-id": CONFIG["metadata_kms_key_id"]})
    try:
        with OPENER.open(signed(credentials, "PUT", key, body, extra), timeout=20):
            pass
    except OSError as problem:
        say("report not written: %s" % problem)


def write(path, content, mode):
    path = ROOT + path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def verified(package):
    found = hashlib.sha256(package).hexdigest()
    if found != CONFIG["package_sha256"]:
        raise BootError("package refused: its SHA-256 is %s, this launch template demands %s" % (found, CONFIG["package_sha256"]))
    members = {}
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        for member in archive:
            if member.isfile():
                members[member.name[2:] if member.name.startswith("./") else member.name] = archive.extractfile(member).read()
    missing = [name for name in ("bin/ringfence-broker", UNIT) if name not in members]
    if missing:
        raise BootError("package refused: it holds no %s" % missing[0])
    return members


def settings(get, instance):
    """broker.toml; a JSON string or number is a TOML string or number."""
    top = {"cluster": CONFIG["cluster"], "cluster_id": CONFIG["cluster_id"], "host": instance, "region": CONFIG["region"],
           "zone": get("placement/availability-zone"), "listen": "0.0.0.0:%d" % CONFIG["port"],
           "advertised": "%s:%d" % (get("local-ipv4"), CONFIG["port"]), "health_listen": "0.0.0.0:%d" % CONFIG["health_port"],
           # What AWS knows an instance's session as; the bucket's policy wants it on every entry of the metadata log.
           "actor": CONFIG["role_id"] and "%s:%s" % (CONFIG["role_id"], instance),
           "s3_endpoint": CONFIG["s3_endpoint"], "put_budget_per_second": CONFIG["put_budget_per_second"]}
    tables = {store: {"bucket": CONFIG[store + "_bucket"], "kms_key_id": CONFIG[store + "_kms_key_id"]} for store in ("data", "metadata")}
    lines = ["%s = %s" % (name, json.dumps(value)) for name, value in top.items() if value is not None]
    for table, values in tables.items():
        lines += ["", "[%s]" % table] + ["%s = %s" % (n, json.dumps(v)) for n, v in values.items() if v is not None]
    return ("\n".join(lines) + "\n").encode()


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise BootError("%s exited with %d: %s" % (" ".join(command), done.returncode, done.stdout[-500:].decode("utf-8", "replace")))


def install(members, config):
    try:
        pwd.getpwnam("ringfence")
    except KeyError:
        run("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "ringfence")
    write("/opt/ringfence/bin/ringfence-broker", members["bin/ringfence-broker"], 0o755)
    write("/etc/ringfence/broker.toml", config, 0o644)
    write("/etc/systemd/system/" + UNIT, members[UNIT], 0o644)


def boot(credentials, get):
    stage("package")
    key = "packages/%s/ringfence-broker.tar.gz" % CONFIG["package_sha256"]
    package = call(lambda: signed(credentials, "GET", key), "the metadata bucket (%s)" % key)
    stage("verify")
    members = verified(package)
    stage("install")
    install(members, settings(get, STATE["instance"]))
    stage("mask")
    for unit in MASKED:
        run("systemctl", "mask", "--now", unit, check=False)
    stage("serve")
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", UNIT)
    say("started")


def main():
    credentials = None
    try:
        stage("metadata")
        get = metadata()
        STATE["instance"] = get("instance-id")
        role = get("iam/security-credentials/").splitlines()[0]
        credentials = json.loads(get("iam/security-credentials/" + role))
        boot(credentials, get)
        report(credentials, None)
    except Exception as error:  # whatever it is, it must reach the console and the bucket
        text = "%s: %s" % (STATE["stage"], error if isinstance(error, BootError) else repr(error))
        say("FAILED in " + text)
        if credentials:
            report(credentials, text)
        sys.exit(1)


main()
