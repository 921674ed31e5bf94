"""Why a whole file is refused. Nothing of it is imported then."""

from gis_core.errors import DomainError, Text
from gis_core.importing.report import ImportReport


class ImportRefused(DomainError):
    """Base of the refusals of a whole file."""

    status, slug = 422, "import-refused"
    title = Text("文件未导入", "Nothing was imported")
    detail = Text("{reason_zh}", "{reason}")
    report: ImportReport | None = None
    """What was found until then, where reading had begun."""


class FileMissing(ImportRefused):
    slug = "file-missing"
    detail = Text("找不到文件 {file}，或没有读取权限。", "There is no file {file}, or it may not be read.")


class UnknownFormat(ImportRefused):
    slug = "unknown-format"
    detail = Text(
        "不认识文件 {file} 的格式。可导入：.osm、.osm.pbf、.gpkg、.geojson、.shp、.kml、.kmz、.csv、.xlsx，"
        "以及装有这些文件的 .zip。旧的 .xls 请另存为 .xlsx。",
        "The format of {file} is not known. Taken: .osm, .osm.pbf, .gpkg, .geojson, .shp, .kml, .kmz, .csv, "
        ".xlsx, a .zip of those. Save an old .xls as .xlsx.",
    )


class DamagedFile(ImportRefused):
    slug = "damaged-file"
    detail = Text(
        "文件 {file} 被截断或损坏（{where}），没有导入任何数据。请重新下载或复制。",
        "{file} is cut or damaged ({where}); nothing was imported. Fetch or copy it again.",
    )


class UnsafeZip(ImportRefused):
    slug = "unsafe-zip"
    detail = Text("压缩包 {file} 不可接受：{reason_zh}。", "The zip {file} is not acceptable: {reason}.")


class LayerNeeded(ImportRefused):
    slug = "layer-needed"
    detail = Text(
        "文件中有多个图层，请用 --layer 指定其一：{layers}。",
        "The file has several layers; choose one with --layer: {layers}.",
    )


class UnknownLayer(ImportRefused):
    slug = "unknown-layer"
    detail = Text(
        "文件中没有图层 {layer}，现有：{layers}。", "The file has no layer {layer}; it has: {layers}."
    )


class UnknownField(ImportRefused):
    slug = "unknown-field"
    detail = Text(
        "图层中没有字段 {field}，现有：{fields}。", "The layer has no field {field}; it has: {fields}."
    )


class TargetUnclear(ImportRefused):
    slug = "target-unclear"
    detail = Text(
        "看不出图层 {layer} 是什么数据，请用 --target 指定：{targets}。",
        "It is not clear what layer {layer} holds; say it with --target: {targets}.",
    )


class CrsMissing(ImportRefused):
    slug = "crs-missing"
    detail = Text(
        "文件没有坐标系说明（例如缺少 .prj），请用 --srid 指明 EPSG 代码。坐标看起来像：{hint_zh}。",
        "The file does not say its coordinate system (a shapefile without .prj, say); name its EPSG code "
        "with --srid. The coordinates look like: {hint}.",
    )


class CrsUnknown(ImportRefused):
    slug = "crs-unknown"
    detail = Text("不认识坐标系 {crs}。", "The coordinate system {crs} is not known.")


class CrsImplausible(ImportRefused):
    slug = "crs-implausible"
    detail = Text(
        "坐标与坐标系 {crs} 不符：{reason_zh}。坐标看起来像：{hint_zh}；可用 --srid 指明。",
        "The coordinates do not fit {crs}: {reason}. They look like: {hint}; name it with --srid.",
    )


class EncodingUnknown(ImportRefused):
    slug = "encoding-unknown"
    detail = Text(
        "看不出 {file} 的文字编码（不是 UTF-8，也不是 GB18030），请用 --encoding 指明，如 big5。",
        "The text encoding of {file} cannot be told (neither UTF-8 nor GB18030); name it with --encoding, "
        "e.g. --encoding big5.",
    )


class EncodingWrong(ImportRefused):
    slug = "encoding-wrong"
    detail = Text(
        "{file} 的文字不能按 {encoding} 解码：{where} 中的字节 {bytes}。请用 --encoding 指明正确的编码。",
        "The text of {file} is not {encoding}: bytes {bytes} in {where}. Name the right one with --encoding.",
    )


class UnknownEncoding(ImportRefused):
    slug = "unknown-encoding"
    detail = Text("没有名为 {encoding} 的编码。", "There is no encoding named {encoding}.")


class UnknownArea(ImportRefused):
    slug = "unknown-area"
    detail = Text(
        "库中没有代码为 {code} 的区域（或没有边界），请先导入该区域。",
        "There is no area {code} with a boundary in the database; import it first.",
    )


class NothingTaken(ImportRefused):
    slug = "nothing-taken"
    detail = Text(
        "{read} 个要素全部未被接受，没有导入任何数据。主要原因：{reason_zh}",
        "None of the {read} features could be taken, so nothing was imported. Mostly: {reason}",
    )


class DiskFull(ImportRefused):
    status, slug = 507, "disk-full"
    detail = Text(
        "磁盘空间不足（{where}），已全部撤回，没有导入任何数据。请腾出空间后重试。",
        "The disk is full ({where}); all was rolled back, nothing was imported. Make room and try again.",
    )


class DatabaseLost(ImportRefused):
    status, slug = 503, "database-lost"
    detail = Text(
        "导入途中与数据库的连接中断（{where}），没有导入任何数据。请检查数据库后重试。",
        "The connection to the database was lost during the import ({where}); nothing was imported. "
        "Check the database and try again.",
    )


class UnknownClass(ImportRefused):
    slug = "unknown-class"
    detail = Text("部件词典中没有代码 {code}。", "The component dictionary has no code {code}.")


class UnknownOption(ImportRefused):
    slug = "unknown-option"
    detail = Text(
        "{option} 不接受“{value}”，可用：{allowed}。", "{option} does not take '{value}'; allowed: {allowed}."
    )


class DatabaseRefused(ImportRefused):
    slug = "database-refused"
    detail = Text(
        "数据库拒绝了这些数据（{where}），没有导入任何数据。",
        "The database refused the data ({where}); nothing was imported.",
    )


class CoordinatesMissing(ImportRefused):
    slug = "coordinates-missing"
    detail = Text(
        "表格 {file} 中看不出坐标列，现有：{fields}。{advice_zh}。",
        "No columns of {file} look like coordinates; it has: {fields}. {advice}.",
    )


class DatumUnclear(ImportRefused):
    slug = "datum-unclear"
    detail = Text(
        "坐标未说明基准，但看起来是 {datum}（把握 {confidence:.0%}）：{why_zh}。"
        "请决定：--datum {flag}，或 --datum wgs84，或以 --accept-datum 接受此判断。",
        "The datum is not declared, but looks like {datum} (confidence {confidence:.0%}): {why}. "
        "Decide: --datum {flag}, or --datum wgs84, or take this by --accept-datum.",
    )


class NotRemovable(ImportRefused):
    slug = "not-removable"
    detail = Text(
        "{target} 没有来源字段，不能用 --remove-missing。",
        "Rows of {target} carry no source, so --remove-missing cannot be used.",
    )


class RemoveNeedsKeys(ImportRefused):
    slug = "remove-needs-keys"
    detail = Text(
        "文件没有键字段，或有 {refused} 个要素被拒绝，--remove-missing 会误删；请先改正，或用 --key 指明键。",
        "The file has no key field, or {refused} features were refused, so --remove-missing would remove "
        "what is still there; mend that first, or name the key by --key.",
    )


class BadRecipe(ImportRefused):
    slug = "bad-recipe"
    detail = Text("{file} 写得不对：{where}。", "{file} is not right: {where}.")
