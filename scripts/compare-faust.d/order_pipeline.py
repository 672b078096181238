"""The order pipeline in Faust: checks each order, reserves stock, and says what became of it.

Written as Faust's documentation does it: tables with changelogs in RocksDB, `await topic.send(...)` for each record, and what
is not said here is Faust's default. Orders are keyed by product, so that they are in the partition of their stock.

    orders -> decided, notifications, and analytics (confirmed) or errors (refused) -> orders and revenue by region
"""

import os
from decimal import Decimal, InvalidOperation

import faust

PARTITIONS = int(os.environ["FAUST_PARTITIONS"])

app = faust.App(
    "order-pipeline",
    broker=os.environ["FAUST_BROKER"],
    processing_guarantee=os.environ["FAUST_GUARANTEE"],
    datadir=os.environ["FAUST_DATADIR"],
    web_host="127.0.0.1",
    web_port=int(os.environ["FAUST_WEB_PORT"]),
    store="rocksdb://",
    value_serializer="json",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    producer_acks=-1,  # acks=all
    producer_linger=0.02,  # batches; without them the broker needs more CPU, and the worker is slower
    # Kafka gives the partitions of a killed worker to the next one after this time; the default is 60 s.
    broker_session_timeout=10.0,
    broker_heartbeat_interval=3.0,
)

orders_topic = app.topic("orders", key_type=str, key_serializer="raw")
stock_topic = app.topic("stock", key_type=str, key_serializer="raw")
decided_topic = app.topic("decided", key_type=str, key_serializer="raw")
notifications_topic = app.topic("notifications", key_type=str, key_serializer="raw")
analytics_topic = app.topic("analytics", key_type=str, key_serializer="raw")
errors_topic = app.topic("errors", key_type=str, key_serializer="raw")

TABLE = {"partitions": PARTITIONS, "options": {"driver": "rocksdict"}}
stock = app.Table("stock_table", default=int, **TABLE)
regions = app.Table("regions", default=dict, **TABLE)


def problem(order):
    """Why it is no order, or None."""
    for name in ("order_id", "product_id", "quantity", "price", "region"):
        if name not in order:
            return f"{name} is missing"
    if not isinstance(order["quantity"], int) or order["quantity"] < 1:
        return "quantity is not a whole number of at least 1"
    try:
        if Decimal(order["price"]) < 0:
            return "price is below zero"
    except InvalidOperation:
        return "price is not a number"
    return None


@app.agent(stock_topic)
async def set_stock(changes):
    """Sets what is available of a product."""
    async for change in changes:
        stock[change["product_id"]] = change["available"]


@app.agent(orders_topic)
async def decide(orders):
    """Confirms an order and takes its pieces from the stock, or refuses it."""
    async for order in orders:
        reason = problem(order)
        if reason is not None:
            await errors_topic.send(key=order.get("order_id", ""), value={"order": order, "reason": reason})
            continue
        order_id, product, quantity = order["order_id"], order["product_id"], order["quantity"]
        decision = {
            "order_id": order_id,
            "product_id": product,
            "quantity": quantity,
            "region": order["region"],
            "total": str(Decimal(order["price"]) * quantity),
        }
        available = stock[product]
        if quantity <= available:
            stock[product] = available - quantity
            decision["status"], text = "confirmed", "is confirmed. Thank you!"
        else:
            decision["status"], text = "out_of_stock", "cannot be delivered: too few are left."
        await decided_topic.send(key=order_id, value=decision)
        to = order.get("customer", {}).get("email")
        notice = {"order_id": order_id, "to": to, "text": f"Your order {order_id} ({decision['total']}) {text}"}
        await notifications_topic.send(key=order_id, value=notice)
        if decision["status"] == "confirmed":
            await analytics_topic.send(key=decision["region"], value=decision)
        else:
            await errors_topic.send(key=order_id, value=decision)


@app.agent(analytics_topic)
async def count(decisions):
    """Adds up orders and revenue."""
    async for decision in decisions:
        region = decision["region"]
        before = regions[region] or {"orders": 0, "revenue": "0"}
        revenue = Decimal(before["revenue"]) + Decimal(decision["total"])
        regions[region] = {"orders": before["orders"] + 1, "revenue": str(revenue)}


@app.page("/figures/")
async def figures(self, request):
    """What the tables hold."""
    return self.json(
        {
            "stock": dict(stock.items()),
            "orders": sum(region["orders"] for region in regions.values()),
            "revenue": str(sum(Decimal(region["revenue"]) for region in regions.values())),
        }
    )


if __name__ == "__main__":
    app.main()
