// Verifies a message as a shop does, with the official package, and says `ok` or why it is refused.

const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const { secret, headers, body } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
try {
  new Webhook(secret).verify(body, headers);
  console.log("ok");
} catch (refused) {
  if (!(refused instanceof WebhookVerificationError)) throw refused;
  console.log(refused.message);
}
