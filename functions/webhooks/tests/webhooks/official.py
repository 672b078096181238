"""Verifies a message as a shop does, with the official package, and says `ok` or why it is refused."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

message = json.load(sys.stdin)
try:
    Webhook(message["secret"]).verify(message["body"], message["headers"])
    print("ok")
except WebhookVerificationError as refused:
    print(refused)
