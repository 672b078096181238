"""Reads the days that a test has written, as another tool does, and says what they come to."""

import decimal
import glob
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = sys.argv[1]
amount, time = pa.decimal128(38, 4), pa.timestamp("us", tz="UTC")
types = {"amount": amount, "unit_price": amount, "stored_at": time, "ordered_at": time, "sequence": pa.int64(), "vip": pa.bool_()}
revenue, orders, rows, invoiced = {}, 0, 0, {}
for path in sorted(glob.glob(f"{folder}/*/orders.*.parquet")):
    table = pq.read_table(path)
    for name, expected in types.items():
        assert table.schema.field(name).type == expected, (name, table.schema.field(name).type)
    for row in table.to_pylist():
        rows += 1
        orders += row["orders"] or 0
        if row["amount"] is not None:
            revenue[row["currency"]] = revenue.get(row["currency"], decimal.Decimal(0)) + row["amount"]
for path in sorted(glob.glob(f"{folder}/*/invoices.*.parquet")):
    table = pq.read_table(path)
    assert table.schema.field("issued_on").type == pa.date32()
    for row in table.to_pylist():
        invoiced[row["currency"]] = invoiced.get(row["currency"], decimal.Decimal(0)) + row["amount"]
texts = [{currency: str(sum) for currency, sum in of.items()} for of in (revenue, invoiced)]
json.dump({"rows": rows, "orders": orders, "revenue": texts[0], "invoiced": texts[1]}, sys.stdout)
