"""The work of `posture collect --source defender.device_vulnerabilities`, on the official client
libraries for Python: export files in, gzip parts to blob, rows to Logs Ingestion.

Written as a careful developer would write it: files are read as a stream, a part at a time is in
memory, and rows go to the workspace in the library's own batches.
"""

import gzip
import hashlib
import json
import os
import time
from datetime import datetime, timezone
from itertools import islice

import requests
from azure.core.credentials import AccessToken
from azure.monitor.ingestion import LogsIngestionClient
from azure.storage.blob import ContainerClient

SOURCE = "defender.device_vulnerabilities"
STREAM = "Custom-PostureDeviceVulnerabilities_CL"
LISTING = "/api/machines/SoftwareVulnerabilitiesExport?sasValidHours=6"
KEY = ("DeviceId", "SoftwareVendor", "SoftwareName", "SoftwareVersion", "CveId")
PART_BYTES = 1_000_000
ROWS_A_CALL = 5_000  # `upload` cuts them into requests of 1 MB
# The account of Azurite and its key, the same on every machine and no secret.
ACCOUNT = {
    "account_name": "devstoreaccount1",
    "account_key": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
}


class StaticToken:
    """A credential with one token that holds for an hour."""

    def get_token(self, *scopes, **kwargs):
        return AccessToken("bench", int(time.time()) + 3600)


def files(session, defender):
    """Links to the export's files, in order."""
    listing = session.get(defender + LISTING, headers={"authorization": "Bearer bench"})
    listing.raise_for_status()
    return listing.json()["exportFiles"]


def rows(session, link):
    """The rows of one file, while it arrives."""
    with session.get(link, stream=True) as answer:
        answer.raise_for_status()
        with gzip.GzipFile(fileobj=answer.raw) as lines:
            yield from map(json.loads, lines)


def records(session, links, envelope):
    """Every row of every file, behind its envelope."""
    identity = hashlib.sha256(f"{envelope['AadTenantId']}\n{SOURCE}\n".encode())
    for link in links:
        for row in rows(session, link):
            key = identity.copy()
            key.update("\n".join(row.get(name, "") for name in KEY).encode())
            yield {**envelope, "RecordId": key.hexdigest()[:32], **row}


class Parts:
    """Gathers lines, and keeps them as gzip parts of about 1 MB of JSON."""

    def __init__(self, container, folder):
        self.container, self.folder = container, folder
        self.lines, self.size, self.count = [], 0, 0

    def add(self, record):
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
        if self.size + len(line) + 1 > PART_BYTES:
            self.close()
        self.lines.append(line)
        self.size += len(line) + 1

    def close(self):
        if not self.lines:
            return
        self.count += 1
        part = gzip.compress(b"\n".join(self.lines) + b"\n", compresslevel=1)
        self.container.upload_blob(f"{self.folder}/{self.count:06}.jsonl.gz", part)
        self.lines, self.size = [], 0


def main():
    tenant, run = os.environ["POSTURE_TENANT_ID"], datetime.now(timezone.utc)
    began, run_id = run.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), run.strftime("%Y%m%dT%H%M%SZ")
    envelope = {
        "TimeGenerated": began,
        "CollectedTime": began,
        "AadTenantId": tenant,
        "TenantName": os.environ["POSTURE_TENANT_NAME"],
        "Source": SOURCE,
        "RunId": run_id,
    }
    rule = os.environ["POSTURE_LOGS_RULES"].split(",")[0]
    logs = LogsIngestionClient(os.environ["POSTURE_LOGS_URL"], StaticToken())
    container = ContainerClient(os.environ["POSTURE_STORAGE"], "posture", credential=ACCOUNT)
    parts = Parts(container, f"records/{tenant}/{SOURCE}/{run:%Y/%m/%d}/{run_id}")
    session = requests.Session()
    kept = 0
    every = records(session, files(session, os.environ["POSTURE_DEFENDER_URL"]), envelope)
    while batch := list(islice(every, ROWS_A_CALL)):
        for record in batch:
            parts.add(record)
        # The sink is on loopback, without TLS, which the library refuses otherwise.
        logs.upload(rule, STREAM, batch, enforce_https=False)
        kept += len(batch)
    parts.close()
    print(json.dumps({"rows": kept, "parts": parts.count}))


if __name__ == "__main__":
    main()
