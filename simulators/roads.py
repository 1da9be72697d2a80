"""The roads of the test bed as (latitude, longitude) in degrees, from south to north.

Traced by hand through the published coordinates of the towns and junctions along them: right at the bridges, good to
about a kilometre between towns. The simulated trucks drive these lines exactly, so what matters is that a map shows
them where the roads are.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Points: TypeAlias = tuple[tuple[float, float], ...]

WORLD_TRADE: Final = (27.597291, -99.537119)  # CBP port 230404
COLOMBIA: Final = (27.70, -99.75)  # CBP port 230403

# MEX-85 out of Monterrey, the toll road 85D past Sabinas Hidalgo, to La Gloria, where the ways to the bridges part.
MONTERREY_LA_GLORIA: Final[Points] = (
    (25.6866, -100.3161),  # Monterrey
    (25.7150, -100.3040),
    (25.7440, -100.2890),  # San Nicolas de los Garza
    (25.7790, -100.2700),
    (25.8130, -100.2520),  # Escobedo
    (25.8620, -100.2290),
    (25.9070, -100.2000),
    (25.9515, -100.1650),  # Cienega de Flores
    (26.0050, -100.1430),
    (26.0720, -100.1270),
    (26.1430, -100.1170),
    (26.2180, -100.1120),
    (26.2960, -100.1150),
    (26.3760, -100.1140),
    (26.4480, -100.0990),
    (26.5110, -100.0830),  # Sabinas Hidalgo
    (26.5860, -100.0370),
    (26.6633, -99.9880),  # Vallecillo
    (26.7420, -99.9440),
    (26.8210, -99.9050),
    (26.9020, -99.8600),
    (26.9780, -99.8080),
    (27.0510, -99.7560),
    (27.1240, -99.7050),  # La Gloria
)

LA_GLORIA_WORLD_TRADE: Final[Points] = (
    (27.1880, -99.6690),
    (27.2560, -99.6370),  # kilometre 26
    (27.3230, -99.6120),
    (27.3850, -99.5970),
    (27.4400, -99.5930),  # west of Nuevo Laredo's airport
    (27.4880, -99.5970),
    (27.5320, -99.5890),
    (27.5650, -99.5690),
    (27.5840, -99.5500),
    WORLD_TRADE,
)

LA_GLORIA_COLOMBIA: Final[Points] = (
    (27.1870, -99.7320),
    (27.2520, -99.7620),
    (27.3210, -99.7850),
    (27.3930, -99.7980),
    (27.4650, -99.8010),
    (27.5360, -99.7940),
    (27.6020, -99.7810),
    (27.6560, -99.7660),
    COLOMBIA,
)

# Loop 20 and I-35 out of Laredo.
WORLD_TRADE_CAMINO: Final[Points] = (
    (27.6035, -99.5250),
    (27.6060, -99.5130),
    (27.6170, -99.5020),
    (27.6430, -99.4760),
    (27.6720, -99.4490),
    (27.7100, -99.4440),
    (27.7530, -99.4430),
)

# TX-255, the Camino Colombia.
COLOMBIA_CAMINO: Final[Points] = (
    (27.7130, -99.7370),
    (27.7320, -99.6930),
    (27.7470, -99.6390),
    (27.7600, -99.5800),
    (27.7740, -99.5210),
    (27.7870, -99.4680),
)

CAMINO_SAN_ANTONIO: Final[Points] = (
    (27.8000, -99.4330),  # I-35 at TX-255
    (27.8610, -99.4070),
    (27.9230, -99.3850),
    (27.9830, -99.3680),
    (28.0411, -99.3550),  # Encinal
    (28.1170, -99.3280),
    (28.1980, -99.3030),
    (28.2790, -99.2840),  # Artesia Wells
    (28.3580, -99.2580),
    (28.4369, -99.2353),  # Cotulla
    (28.5110, -99.2180),
    (28.5880, -99.1950),  # Millett
    (28.6672, -99.1709),  # Dilley
    (28.7420, -99.1410),
    (28.8190, -99.1130),
    (28.8922, -99.0950),  # Pearsall
    (28.9760, -99.0500),
    (29.0570, -99.0090),  # Moore
    (29.1394, -98.9050),  # Devine
    (29.1880, -98.8580),  # Natalia
    (29.2333, -98.7964),  # Lytle
    (29.2620, -98.7220),
    (29.2870, -98.6430),  # Von Ormy
    (29.3320, -98.5850),
    (29.3760, -98.5480),
    (29.4130, -98.5130),
    (29.4300, -98.5010),  # San Antonio
)

SAN_ANTONIO_DALLAS: Final[Points] = (
    (29.4620, -98.4580),
    (29.5060, -98.3990),
    (29.5600, -98.3300),  # Live Oak
    (29.6090, -98.2570),  # Schertz
    (29.6560, -98.1760),
    (29.7030, -98.0930),  # New Braunfels
    (29.7920, -98.0270),
    (29.8790, -97.9200),  # San Marcos
    (29.9891, -97.8720),  # Kyle
    (30.0850, -97.8210),  # Buda
    (30.1760, -97.7800),
    (30.2660, -97.7345),  # Austin
    (30.3520, -97.6900),
    (30.4380, -97.6690),
    (30.5100, -97.6850),  # Round Rock
    (30.6360, -97.6910),  # Georgetown
    (30.7300, -97.6520),
    (30.8250, -97.6050),  # Jarrell
    (30.9470, -97.5380),  # Salado
    (31.0560, -97.4620),  # Belton
    (31.1000, -97.3620),  # Temple
    (31.2070, -97.3030),  # Troy
    (31.3060, -97.2480),  # Bruceville-Eddy
    (31.3890, -97.2150),  # Lorena
    (31.4710, -97.1780),
    (31.5480, -97.1230),  # Waco
    (31.6730, -97.1000),  # Elm Mott
    (31.8025, -97.0917),  # West
    (31.9060, -97.1010),
    (32.0110, -97.0990),  # Hillsboro
    (32.0990, -97.0210),
    (32.1840, -96.8880),  # Italy
    (32.2830, -96.8800),
    (32.4000, -96.8640),  # Waxahachie
    (32.5177, -96.8210),  # Red Oak
    (32.6000, -96.8240),
    (32.6900, -96.8230),
    (32.7767, -96.8060),  # Dallas
)
