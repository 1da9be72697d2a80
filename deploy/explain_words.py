"""What ``puente alerts`` refuses, in English and in Spanish (``deploy.said``)."""

from __future__ import annotations

from typing import Final

from contracts.words import Words

SENTENCES: Final[Words] = {
    "no_audience": {
        "en": "--audience: {audience} is none; there are {known}",
        "es": "--audience: {audience} no existe; existen {known}",
    },
    "empty_id": {
        "en": "ALERT_ID: it is empty: give an alert's id, or its first digits; {listed}",
        "es": "ALERT_ID: está vacío: dé el id de una alerta, o sus primeros dígitos; {listed}",
    },
    "no_id": {
        "en": "ALERT_ID: no alert kept has such an id: one is 32 digits and letters from a to f, and its beginning "
        "will do, such as 3f9a01; {listed}",
        "es": "ALERT_ID: ninguna alerta guardada tiene un id así: son 32 dígitos y letras de la a a la f, y basta su "
        "inicio, como 3f9a01; {listed}",
    },
    "unknown_id": {
        "en": "ALERT_ID: no alert kept has an id that begins with {id}; {listed}",
        "es": "ALERT_ID: ninguna alerta guardada tiene un id que empiece con {id}; {listed}",
    },
    "listed": {
        "en": "`puente alerts tail --no-follow --json` shows those there are, each with its alert_id",
        "es": "`puente alerts tail --no-follow --json` muestra las que hay, cada una con su alert_id",
    },
    "several": {
        "en": "ALERT_ID: {count} alerts begin with {id}: {some}",
        "es": "ALERT_ID: {count} alertas empiezan con {id}: {some}",
    },
    "no_revision": {
        "en": "--revision: it has no revision {revision}; there are {known}",
        "es": "--revision: no tiene la revisión {revision}; existen {known}",
    },
}
