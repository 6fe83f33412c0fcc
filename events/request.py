"""Prints the request that Firehose would send for some records: a sample event.

    python3 events/request.py access-logs < LINES > events/firehose-transform/access-logs/NAME.json

A line of standard input is a record, without its newline. Files that are named are a record each, whatever they hold.
What Firehose makes up, ids and times, is made up here, the same for the same records.
"""

import argparse
import base64
import hashlib
import json
import sys
import uuid
from datetime import datetime
from pathlib import Path

ACCOUNT = "eu-west-1:123456789012"
ARRIVAL = "2026-11-21T09:15:00Z"


def request(environment, records, kinesis=False, arrival=ARRIVAL):
    """The request for records, each of which comes 137 ms after the one before it."""
    name = hashlib.sha256(b"\n".join(records)).hexdigest()
    event = {"invocationId": str(uuid.uuid5(uuid.NAMESPACE_URL, name))}
    if kinesis:
        stream = f"stream/headgate-{environment}-SourceStream-Jd83hWqPz1Ns"
        event["sourceKinesisStreamArn"] = f"arn:aws:kinesis:{ACCOUNT}:{stream}"
    stream = f"deliverystream/headgate-{environment}-DeliveryStream-x7Qm2LwT0vRk"
    event |= {"deliveryStreamArn": f"arn:aws:firehose:{ACCOUNT}:{stream}", "region": "eu-west-1", "records": []}
    first = round(datetime.fromisoformat(arrival.replace("Z", "+00:00")).timestamp() * 1000)
    for place, data in enumerate(records):
        sequence, time = str(SEQUENCE + 1209 * place), first + 137 * place
        record = {"recordId": f"{sequence}000000", "approximateArrivalTimestamp": time}
        if kinesis:
            record["kinesisRecordMetadata"] = {
                "sequenceNumber": sequence,
                "subsequenceNumber": 0,
                "partitionKey": hashlib.md5(data).hexdigest().upper(),
                "shardId": "shardId-000000000000",
                "approximateArrivalTimestamp": time,
            }
        event["records"].append(record | {"data": base64.b64encode(data).decode()})
    return event


SEQUENCE = 49623566795604093650577098460464614514870532055362437122


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", help="of samconfig.toml, for the names of the streams")
    parser.add_argument("files", nargs="*", type=Path, help="a record each")
    parser.add_argument("--kinesis", action="store_true", help="the source is a Kinesis stream")
    parser.add_argument("--arrival", default=ARRIVAL, metavar="TIME", help="when the first record comes, in RFC 3339")
    given = parser.parse_args()
    records = [file.read_bytes() for file in given.files]
    if not given.files:
        records = sys.stdin.buffer.read().removesuffix(b"\n").split(b"\n")
    event = request(given.environment, records, given.kinesis, given.arrival)
    print(json.dumps(event, indent=2))


if __name__ == "__main__":
    main()
