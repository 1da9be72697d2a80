"""The simulated border: seeded fleets on real roads, their faults with ground truth, devices that keep journals.

- ``roads``, ``places``: coordinates; the eight ways over two bridges, with their stops, queues and customs lots
- ``journeys``: timetables and trips; ``warps``: what holds them up; ``life``: what is normal and looks like a fault
- ``papers``: numbers that pass the checks real ones pass
- ``rigs``: truck, container and seal that travel together; ``devices``: what they measure; ``climate``: what is true in
  a box; ``coverage``: what is heard of it, and when
- ``noise``: randomness as a function of (seed, device, sample)
- ``faults``: what is asked for and what was true; ``fault_plan``: on which trucks; ``fault_draws``: how large;
  ``fault_truth``: what of it is true; ``fault_effects``, ``sick_sensors``: what it does to readings; ``scenarios``:
  fleets with faults, one TOML file each
- ``fleet``: all of it as one seeded object: ``Fleet(...).reference()``, ``.run()``, ``.truth``
- ``journal``, ``journal_store``: what a device keeps until a receipt says it may forget
- ``pacing``: when each reading is published; everything above but ``journal_store`` is pure
- ``mqtt_devices``, ``mqtt_links``: the shell that publishes a fleet over MQTT

>>> fleet = Fleet(seed=7, start_ms=1_790_000_000_000, shipments=1, horizon_s=60)
>>> [(scac, reading.device_id, reading.seq) for _, scac, reading in fleet.run()][:3]
[('CRDN', 'CRDN-S00000', 0), ('CRDN', 'CRDN-T00000', 0), ('CRDN', 'CRDN-C00000', 0)]
"""

from simulators.faults import Fault, FaultSpec
from simulators.fleet import Fleet

__all__ = ["Fault", "FaultSpec", "Fleet"]
