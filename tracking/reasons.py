"""Why a message did not become a fix."""

from enum import StrEnum

import msgspec

from gis_core.errors import Text


class Reason(StrEnum):
    """Stable keys: they stand in ``dead_letter.reason`` and in the metrics."""

    NOT_JSON = "not_json"
    MISSING_FIELD = "missing_field"
    BAD_FIELD = "bad_field"
    BAD_LATITUDE = "bad_latitude"
    BAD_LONGITUDE = "bad_longitude"
    ZERO_ISLAND = "zero_island"
    BAD_TIME = "bad_time"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    NO_FIX = "no_fix"
    BAD_CHECKSUM = "bad_checksum"
    BAD_SENTENCE = "bad_sentence"
    BAD_BODY = "bad_body"
    TOO_LARGE = "too_large"
    CANNOT_OPEN = "cannot_open"
    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_DEVICE = "unknown_device"
    DISABLED_DEVICE = "disabled_device"
    DECODER_FAILED = "decoder_failed"
    NOT_STORABLE = "not_storable"
    OFF_DUTY = "off_duty"


REASON_TEXTS: dict[Reason, Text] = {
    Reason.NOT_JSON: Text("不是有效的 JSON", "Not valid JSON"),
    Reason.MISSING_FIELD: Text("缺少必填字段", "A required field is missing"),
    Reason.BAD_FIELD: Text("字段类型或取值不对", "A field has a wrong type or value"),
    Reason.BAD_LATITUDE: Text("纬度超出 ±90 度", "Latitude beyond ±90 degrees"),
    Reason.BAD_LONGITUDE: Text("经度超出 ±180 度", "Longitude beyond ±180 degrees"),
    Reason.ZERO_ISLAND: Text("位置在经纬度零点，未定位", "Position at 0,0: the receiver had none"),
    Reason.BAD_TIME: Text("时间无法识别", "The time cannot be read"),
    Reason.TOO_OLD: Text("时间过早", "The time is too far in the past"),
    Reason.IN_FUTURE: Text("时间在未来", "The time is in the future"),
    Reason.NO_FIX: Text("接收机未定位", "The receiver had no fix"),
    Reason.BAD_CHECKSUM: Text("校验和缺失或不符", "Checksum missing or wrong"),
    Reason.BAD_SENTENCE: Text("语句不完整或无法识别", "The sentence is cut or cannot be read"),
    Reason.BAD_BODY: Text("报文过短或无法识别", "The message is cut or cannot be read"),
    Reason.TOO_LARGE: Text("消息过大", "The message is too large"),
    Reason.CANNOT_OPEN: Text("加密内容无法解开", "Encrypted, and its secret does not open it"),
    Reason.UNKNOWN_TOPIC: Text("未知主题", "Unknown topic"),
    Reason.UNKNOWN_TYPE: Text("未知消息类型", "Unknown type of message"),
    Reason.UNKNOWN_DEVICE: Text("未登记的设备", "The device is not registered"),
    Reason.DISABLED_DEVICE: Text("设备已停用", "The device is disabled"),
    Reason.DECODER_FAILED: Text("解码程序出错", "The decoder failed"),
    Reason.NOT_STORABLE: Text("数据库拒绝写入", "The database refused it"),
    Reason.OFF_DUTY: Text("非当班时间，按规定不保存", "Outside duty: not kept, as the group's rule says"),
}

COUNTED_ONLY = frozenset({Reason.NO_FIX, Reason.OFF_DUTY})
"""Ordinary life of a receiver, and of a person off duty: counted, not kept as dead letters."""


class Reject(msgspec.Struct, frozen=True):
    """A message, or one part of it, that cannot be a fix. ``detail`` is for technicians, in English."""

    reason: Reason
    detail: str
