"""Alerts by webhook, with nothing but Python: checks the signature and drops repeats.

    python alerts_from_webhook.py 8080 secret

Put a proxy with TLS before it where it is not on Puente's own machine.
"""

import hashlib
import hmac
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BODY_MAX = 1_000_000


seen: dict[str, None] = {}  # the last delivery ids. Keep them in a database where you act on alerts


class Alerts(BaseHTTPRequestHandler):
    secret = b""
    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= BODY_MAX:
            self.answer(413)
            return
        body = self.rfile.read(length)
        # Over the raw bytes, before anything reads them; compared in constant time.
        expected = "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self.headers.get("Notification-Signature", "")):
            self.answer(401)
            return
        delivery_id = self.headers["Delivery-Id"]
        if delivery_id not in seen:
            alert = json.loads(body)
            print(alert["state"], alert["severity"], alert["rule"], alert["messages"]["en"], flush=True)
            seen[delivery_id] = None
            if len(seen) > 10_000:
                del seen[next(iter(seen))]
        self.answer(204)  # only after it is dealt with; any other answer and it comes again

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
        sys.exit()
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Alerts.secret = Path(sys.argv[2]).read_text().strip().encode()
    try:
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Alerts).serve_forever()
    except KeyboardInterrupt:
        pass
