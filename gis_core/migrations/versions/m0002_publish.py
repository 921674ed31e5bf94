"""Published views, the layer catalogue, ordered news, and the roles a centre starts with"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002_publish"
down_revision = "0001_city"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- News in the order of commits: the lock is held until the transaction ends.
CREATE FUNCTION outbox_append(topic text, event text, area_code text, payload jsonb)
RETURNS bigint LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(7823451);
  INSERT INTO outbox (topic, event, area_code, payload)
  VALUES ($1, $2, $3, $4) RETURNING seq;
$$;

-- To be called by whoever changes published rows, in the same transaction.
CREATE FUNCTION bump_layers(keys text[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO layer_version (key, version) SELECT unnest(keys), 2
      ON CONFLICT (key) DO UPDATE SET version = layer_version.version + 1;
  SELECT pg_notify('wanmi_city', array_to_string(keys, ','));
$$;

-- The digits all codes inside an area begin with: 310000 -> 31, 320500 -> 3205.
CREATE FUNCTION area_prefix(code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN length(code) = 6 THEN regexp_replace(code, '(00){1,2}$', '') ELSE code END;
$$;
"""

VIEWS = """
CREATE SCHEMA publish;

CREATE VIEW publish.area_district AS
SELECT id, code, name, name_en, code AS area_code, geom FROM area
 WHERE level = 'district' AND geom IS NOT NULL
   AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date);

CREATE VIEW publish.area_street AS
SELECT id, code, name, name_en, code AS area_code, geom FROM area
 WHERE level = 'street' AND geom IS NOT NULL
   AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date);

CREATE VIEW publish.area_community AS
SELECT id, code, name, name_en, code AS area_code, geom FROM area
 WHERE level = 'community' AND geom IS NOT NULL
   AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date);

-- One label point an area, so that tiles do not repeat the name.
CREATE VIEW publish.area_label AS
SELECT id, code, name, name_en, level, code AS area_code,
       CASE level WHEN 'city' THEN 4 WHEN 'district' THEN 9 WHEN 'street' THEN 11 ELSE 14 END AS min_zoom,
       ST_PointOnSurface(geom) AS geom
  FROM area
 WHERE geom IS NOT NULL
   AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date);

CREATE VIEW publish.unit_grid AS
SELECT id, code, area_m2, community_code AS area_code, geom FROM unit_grid WHERE change_date IS NULL;

CREATE VIEW publish.responsibility_grid AS
SELECT id, code, name, name_en, area_code, geom FROM responsibility_grid
 WHERE valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date);

CREATE VIEW publish.road AS
SELECT id, name, name_en, road_class, oneway, area_code,
       CASE road_class WHEN 'motorway' THEN 8 WHEN 'trunk' THEN 8 WHEN 'primary' THEN 9
            WHEN 'secondary' THEN 11 WHEN 'tertiary' THEN 12 WHEN 'residential' THEN 13
            WHEN 'unclassified' THEN 13 ELSE 15 END AS min_zoom,
       geom
  FROM road;

CREATE VIEW publish.building AS
SELECT id, name, address, kind, height_m, floors, area_code, geom FROM building;

CREATE VIEW publish.land_cover AS
SELECT id, kind, name, name_en,
       CASE WHEN ST_Area(geom) > 1e-5 THEN 8 WHEN ST_Area(geom) > 1e-6 THEN 11 ELSE 13 END AS min_zoom,
       geom
  FROM land_cover;

CREATE VIEW publish.facility AS
SELECT id, kind, name, name_en, address, area_code, geom FROM facility;

CREATE VIEW publish.component AS
SELECT c.id, c.code, c.class_code, k.name AS class_name, k.name_en AS class_name_en, c.name, c.state,
       c.owner, c.maintainer, c.area_code, c.geom
  FROM component c JOIN component_class k ON k.edition = c.edition AND k.code = c.class_code
 WHERE c.state <> 'abandoned';

CREATE VIEW publish.zone AS
SELECT id, code, kind, name, name_en, rule, area_code, geom FROM zone
 WHERE valid_from <= now() AND (valid_to IS NULL OR valid_to > now());
"""

LAYERS = [
    # key, title, title_en, geometry, min_zoom, max_zoom, properties, min_zoom_column, scoped, order
    ("land_cover", "水系绿地", "Water and green", "polygon", 8, 16, ["kind", "name", "name_en"], "min_zoom", False, 10),
    ("area_district", "区县", "Districts", "polygon", 4, 14, ["code", "name", "name_en"], None, False, 20),
    ("area_street", "街道", "Streets (subdistricts)", "polygon", 9, 14, ["code", "name", "name_en"], None, False, 21),
    ("area_community", "社区", "Communities", "polygon", 11, 15, ["code", "name", "name_en"], None, False, 22),
    (
        "area_label", "区域名称", "Area names", "point", 4, 15,
        ["code", "name", "name_en", "level"], "min_zoom", False, 23,
    ),
    (
        "responsibility_grid", "责任网格", "Responsibility grids", "polygon", 10, 16,
        ["code", "name", "name_en", "area_code"], None, True, 30,
    ),
    ("unit_grid", "单元网格", "Unit grids", "polygon", 13, 16, ["code", "area_m2", "area_code"], None, True, 31),
    ("zone", "区域规则", "Zones", "polygon", 9, 16, ["code", "kind", "name", "name_en"], None, True, 32),
    ("building", "建筑", "Buildings", "polygon", 13, 16, ["name", "kind", "height_m"], None, False, 40),
    (
        "road", "道路", "Roads", "line", 8, 16,
        ["name", "name_en", "road_class", "oneway"], "min_zoom", False, 50,
    ),
    ("facility", "公共设施", "Facilities", "point", 14, 16, ["kind", "name", "name_en"], None, False, 60),
    (
        "component", "城市部件", "City components", "point", 15, 17,
        ["code", "class_code", "class_name", "class_name_en", "name", "state"], None, True, 70,
    ),
]  # fmt: skip

ROLES = {
    "operator": (
        "值班员", "Operator",
        ["map.view", "units.view", "units.track", "alerts.view", "alerts.handle"],
    ),
    "dispatcher": (
        "派遣员", "Dispatcher",
        ["map.view", "units.view", "units.track", "alerts.view", "alerts.handle"],
    ),
    "gis": ("地理信息员", "GIS staff", ["map.view", "city.import", "city.edit"]),
    "leader": ("领导", "Leader", ["map.view", "units.view", "alerts.view"]),
    "admin": (
        "系统管理员", "Administrator",
        ["map.view", "people.manage", "devices.manage", "system.view", "dead_letters.view", "replay.run"],
    ),
    "auditor": ("审计员", "Auditor", ["audit.view"]),
    "inspector": ("采集员", "Inspector", ["map.view"]),
    "department": ("专业部门", "Department", ["map.view", "units.view"]),
}  # fmt: skip
"""Administration, audit and command are three people's work (GB/T 22239 level 2): no role has all."""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    op.execute(VIEWS)
    insert_layer = sa.text(
        "INSERT INTO layer (key, view, title, title_en, geometry, min_zoom, max_zoom, properties,"
        " min_zoom_column, scoped, sort_order)"
        " VALUES (:key, :key, :title, :title_en, :geometry, :min_zoom, :max_zoom, CAST(:properties AS jsonb),"
        " :min_zoom_column, :scoped, :sort_order)"
    )
    connection = op.get_bind()
    for key, title, title_en, geometry, low, high, properties, zoom_column, scoped, order in LAYERS:
        connection.execute(
            insert_layer,
            {
                "key": key, "title": title, "title_en": title_en, "geometry": geometry, "min_zoom": low,
                "max_zoom": high, "properties": json.dumps(properties), "min_zoom_column": zoom_column,
                "scoped": scoped, "sort_order": order,
            },
        )  # fmt: skip
        connection.execute(sa.text("INSERT INTO layer_version (key) VALUES (:key)"), {"key": key})
    for key, (name, name_en, permissions) in ROLES.items():
        connection.execute(
            sa.text(
                "INSERT INTO role (key, name, name_en, permissions) VALUES (:key, :name, :name_en, :permissions)"
            ),
            {"key": key, "name": name, "name_en": name_en, "permissions": permissions},
        )
