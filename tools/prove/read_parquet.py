"""Reads Parquet objects of a table by pyarrow from an S3 server, and prints the identity of each row: file, loop, byte offset.

Standard input is JSON: {"endpoint", "accessKey", "secretKey", "keys": [...]}.
"""
import json
import sys

import pyarrow.fs
import pyarrow.parquet

asked = json.load(sys.stdin)
store = pyarrow.fs.S3FileSystem(
    access_key=asked["accessKey"], secret_key=asked["secretKey"], endpoint_override=asked["endpoint"], scheme="http", region="us-east-1"
)
for key in asked["keys"]:
    table = pyarrow.parquet.read_table(key, filesystem=store, columns=["_file", "_loop", "_byte_offset"])
    for file, loop, byte_offset in zip(*(column.to_pylist() for column in table.columns)):
        print(f"{file}\t{loop}\t{byte_offset}")
