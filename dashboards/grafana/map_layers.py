"""What a map shows: a layer of points for each query, on the border when nothing is there yet."""

from __future__ import annotations

from typing import Any, Final

from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import geomap as map_model

from dashboards.grafana.board import Query
from dashboards.grafana.names import Language, Text

_BORDER_LAT_LON: Final = (27.6, -99.5)


def on_a_map(built: Any, queries: tuple[Query, ...], language: Language) -> Any:
    """A layer of points for each query: trucks are green circles, alerts red triangles, told apart by form too."""
    about = {
        False: (Text("Trucks", "Camiones"), "green", 5, "circle"),
        True: (Text("Alerts", "Alertas"), "red", 8, "triangle"),
    }
    layers = [(ref_id, *about[query.alerts]) for ref_id, query in zip("AB", queries, strict=False)]
    lat, lon = _BORDER_LAT_LON
    view = map_model.MapViewConfig(id_val="fit", lat=round(lat), lon=round(lon), zoom=7, all_layers=True)
    drawn = [
        common_model.MapLayerOptions(
            type_val="markers",
            name=name.of(language),
            config={
                "showLegend": False,
                "style": {
                    "color": {"fixed": color},
                    "size": {"fixed": size, "min": 2, "max": 15},
                    "symbol": {"mode": "fixed", "fixed": f"img/icons/marker/{form}.svg"},
                    "opacity": 0.7,
                },
            },
            location=common_model.FrameGeometrySource(
                mode=common_model.FrameGeometrySourceMode.COORDS, latitude="latitude", longitude="longitude"
            ),
            filter_data={"id": "byRefId", "options": ref_id},
            tooltip=True,
        )
        for ref_id, name, color, size, form in layers
    ]
    built._internal.options = map_model.Options(
        view=view,
        controls=map_model.ControlsOptions(show_zoom=True, mouse_wheel_zoom=True, show_attribution=True),
        basemap=common_model.MapLayerOptions(type_val="default", name="Basemap"),
        layers=drawn,
        tooltip=map_model.TooltipOptions(mode=map_model.TooltipMode.DETAILS),
    )
    return built
