"""Does the same work as `crates/tabular/examples/transform.rs`, in pandas or in polars.

usage: compare-csv.py pandas|polars FILE OUTPUT REJECTS
"""

import sys

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "UnitPrice", "InvoiceDate",
           "CustomerID", "Country"]
RENAMED = ["order_id", "product_id", "description", "quantity", "unit_price", "ordered_at",
           "customer_id", "region"]


def with_pandas(file, output, rejects):
    import numpy
    import pandas

    raw = pandas.read_csv(file, dtype=str, keep_default_na=False)
    rows = raw.apply(lambda column: column.str.strip())
    for name in ["InvoiceNo", "StockCode", "CustomerID"]:
        rows[name] = rows[name].str.replace(r"^(\d+)\.0$", r"\1", regex=True)
    quantity = pandas.to_numeric(rows["Quantity"], errors="coerce")
    price = pandas.to_numeric(rows["UnitPrice"], errors="coerce")
    date = pandas.to_datetime(rows["InvoiceDate"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    rules = [
        ("missing_order_id", rows["InvoiceNo"] == ""),
        ("missing_product_id", rows["StockCode"] == ""),
        ("missing_customer", rows["CustomerID"] == ""),
        ("bad_quantity", quantity.isna() | (quantity % 1 != 0)),
        ("zero_quantity", quantity == 0),
        ("bad_price", price.isna()),
        ("non_positive_price", price <= 0),
        ("bad_date", date.isna()),
    ]
    reason = numpy.select([bad for _, bad in rules], [name for name, _ in rules], "")
    rows["UnitPrice"] = price
    date = date.dt.tz_localize("Europe/London", ambiguous=True, nonexistent="shift_forward")
    rows["InvoiceDate"] = date.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    good = reason == ""
    again = rows[good].duplicated(subset=COLUMNS)
    reason[again[again].index] = "duplicate"
    good = reason == ""
    rows.loc[good, COLUMNS].set_axis(RENAMED, axis=1).to_csv(output, index=False)
    bad = raw[~good]
    bad.insert(0, "line", bad.index + 2)
    bad.insert(1, "rule", reason[~good])
    bad.to_csv(rejects, index=False)


def with_polars(file, output, rejects):
    """Streams the file, so it does not look for duplicates: that would need the whole file in memory."""
    import polars
    from polars import col

    raw = polars.scan_csv(file, infer_schema=False, row_index_name="line", row_index_offset=2)
    rows = raw.with_columns(col(COLUMNS).str.strip_chars().fill_null(""))
    ids = ["InvoiceNo", "StockCode", "CustomerID"]
    rows = rows.with_columns(col(ids).str.replace(r"^(\d+)\.0$", "$1"))
    rows = rows.with_columns(
        quantity=col("Quantity").cast(polars.Int64, strict=False),
        price=col("UnitPrice").cast(polars.Float64, strict=False),
        date=col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
    )
    rules = [
        ("missing_order_id", col("InvoiceNo") == ""),
        ("missing_product_id", col("StockCode") == ""),
        ("missing_customer", col("CustomerID") == ""),
        ("bad_quantity", col("quantity").is_null()),
        ("zero_quantity", col("quantity") == 0),
        ("bad_price", col("price").is_null()),
        ("non_positive_price", col("price") <= 0),
        ("bad_date", col("date").is_null()),
    ]
    reason = polars.lit("")
    for name, bad in reversed(rules):
        reason = polars.when(bad).then(polars.lit(name)).otherwise(reason)
    rows = rows.with_columns(rule=reason)
    date = col("date").dt.replace_time_zone("Europe/London", ambiguous="earliest")
    date = date.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    good = rows.filter(col("rule") == "").select(
        order_id=col("InvoiceNo"), product_id=col("StockCode"), description=col("Description"),
        quantity=col("quantity"), unit_price=col("price"), ordered_at=date,
        customer_id=col("CustomerID"), region=col("Country"),
    )
    bad = rows.filter(col("rule") != "").select("line", "rule", *COLUMNS)
    sinks = [good.sink_csv(output, lazy=True), bad.sink_csv(rejects, lazy=True)]
    polars.collect_all(sinks, engine="streaming")


if __name__ == "__main__":
    _, tool, *files = sys.argv
    {"pandas": with_pandas, "polars": with_polars}[tool](*files)
