"""What a device tells beside where it is: alarms (SOS, power lost …) and the state of its vehicle.

One number a fix. Bits 0-31 are the alarm bits of JT/T 808-2019 (table 24), which other protocols are
translated to; bits from 32 on are states. Never renumber: they are stored.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gis_core.errors import Text

ALARMS: Mapping[int, str] = MappingProxyType(
    {
        **{0: "sos", 1: "overspeed", 2: "fatigue", 3: "danger_warning", 4: "gnss_fault", 5: "antenna_open"},
        **{6: "antenna_short", 7: "low_voltage", 8: "power_lost", 9: "display_fault", 10: "tts_fault"},
        **{11: "camera_fault", 12: "ic_card_fault", 13: "overspeed_warning", 14: "fatigue_warning"},
        **{18: "daily_driving_time", 19: "overtime_parking", 20: "area_in_out", 21: "route_in_out"},
        **{22: "segment_time", 23: "off_route", 24: "vss_fault", 25: "fuel_abnormal", 26: "theft"},
        **{27: "illegal_ignition", 28: "illegal_move", 29: "collision", 30: "rollover", 31: "illegal_door"},
    }
)
STATES: Mapping[int, str] = MappingProxyType(
    {
        **{32: "acc_off", 33: "acc_on", 34: "out_of_service", 35: "loaded", 36: "oil_cut"},
        **{37: "circuit_cut", 38: "doors_locked", 39: "door_open", 40: "charging"},
    }
)
"""``acc_off`` and ``acc_on`` are two bits: a device that says neither has no ignition to tell of."""

BITS: Mapping[str, int] = MappingProxyType(
    {name: 1 << bit for bit, name in [*ALARMS.items(), *STATES.items()]}
)
"""Value of each name."""
SOS, POWER_LOST, LOW_VOLTAGE = BITS["sos"], BITS["power_lost"], BITS["low_voltage"]
ACC_OFF, ACC_ON = BITS["acc_off"], BITS["acc_on"]
ALARM_MASK = sum(1 << bit for bit in ALARMS)

SIGNAL_TEXTS: Mapping[str, Text] = MappingProxyType(
    {
        "sos": Text("紧急求助", "SOS"),
        "overspeed": Text("超速", "Overspeed"),
        "fatigue": Text("疲劳驾驶", "Tired driver"),
        "danger_warning": Text("危险预警", "Danger warning"),
        "gnss_fault": Text("定位模块故障", "GNSS fault"),
        "antenna_open": Text("天线未接", "Antenna open"),
        "antenna_short": Text("天线短路", "Antenna shorted"),
        "low_voltage": Text("电压低", "Low voltage"),
        "power_lost": Text("主电源断电", "Power lost"),
        "display_fault": Text("显示屏故障", "Display fault"),
        "tts_fault": Text("语音模块故障", "Speech fault"),
        "camera_fault": Text("摄像头故障", "Camera fault"),
        "ic_card_fault": Text("IC 卡模块故障", "IC card fault"),
        "overspeed_warning": Text("超速预警", "Overspeed warning"),
        "fatigue_warning": Text("疲劳预警", "Fatigue warning"),
        "daily_driving_time": Text("当天驾驶超时", "Driven too long today"),
        "overtime_parking": Text("超时停车", "Parked too long"),
        "area_in_out": Text("进出区域", "Area entered or left"),
        "route_in_out": Text("进出路线", "Route entered or left"),
        "segment_time": Text("路段行驶时间异常", "Segment time out of range"),
        "off_route": Text("偏离路线", "Off route"),
        "vss_fault": Text("车速传感器故障", "Speed sensor fault"),
        "fuel_abnormal": Text("油量异常", "Fuel abnormal"),
        "theft": Text("车辆被盗", "Theft"),
        "illegal_ignition": Text("非法点火", "Illegal ignition"),
        "illegal_move": Text("非法位移", "Illegal movement"),
        "collision": Text("碰撞预警", "Collision"),
        "rollover": Text("侧翻预警", "Rollover"),
        "illegal_door": Text("非法开门", "Door opened illegally"),
        "acc_off": Text("点火关", "Ignition off"),
        "acc_on": Text("点火开", "Ignition on"),
        "out_of_service": Text("停运", "Out of service"),
        "loaded": Text("载货", "Loaded"),
        "oil_cut": Text("油路断开", "Oil cut"),
        "circuit_cut": Text("电路断开", "Circuit cut"),
        "doors_locked": Text("车门加锁", "Doors locked"),
        "door_open": Text("车门开", "A door is open"),
        "charging": Text("充电中", "Charging"),
    }
)

FOREIGN: Mapping[str, str] = MappingProxyType(
    {
        **{"overspeedwarning": "overspeed_warning", "fatiguedriving": "fatigue", "lowbattery": "low_voltage"},
        **{"lowpower": "low_voltage", "powercut": "power_lost", "poweroff": "power_lost", "panic": "sos"},
        **{
            "accident": "collision",
            "tow": "illegal_move",
            "door": "illegal_door",
            "parking": "overtime_parking",
        },
        **{"gpsantennacut": "antenna_open", "fuelleak": "fuel_abnormal", "help": "sos", "emergency": "sos"},
        **{"tampering": "theft", "fault": "gnss_fault"},
    }
)
"""Names that Traccar clients and makers' own JSON use, in small letters (Traccar: ``Position.ALARM_*``)."""


def names(signals: int) -> list[str]:
    """Names of the bits set, alarms first."""
    return [name for name, bit in BITS.items() if signals & bit]


def alarm_names(signals: int) -> list[str]:
    return [name for bit, name in ALARMS.items() if signals >> bit & 1]


def named(told: Iterable[str]) -> int:
    """Bits of names, ours or foreign; unknown ones say nothing."""
    found = 0
    for name in told:
        small = name.strip().lower()
        found |= BITS.get(FOREIGN.get(small, small), 0)
    return found


def of_jt808(alarm: int, status: int) -> int:
    """From the alarm and status double words of a location body."""
    found = alarm & ALARM_MASK | (ACC_ON if status & 1 else ACC_OFF)
    for bit, name in ((4, "out_of_service"), (10, "oil_cut"), (11, "circuit_cut"), (12, "doors_locked")):
        if status >> bit & 1:
            found |= BITS[name]
    if status >> 8 & 3:
        found |= BITS["loaded"]
    if status >> 13 & 31:
        found |= BITS["door_open"]
    return found
