"""Judges the fixes of one device by one rule: piece by piece as they come, or a whole file at once.

``Watch.judge`` over consecutive pieces of a track gives what it gives over the whole: what it needs to
remember in between is in ``Memory``, and nothing else is.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracking.quality.track import Track, distance_m
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import IDLE, Episode, Seen, Step, advance
from tracking.rules.places import Places

SLOW_STEP_S = 300.0
"""Over a longer step no speed is told from the way."""


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a rule knows of a device between two pieces of its track; ready for JSON."""

    episode: Episode = IDLE
    last: tuple[int, float, float, float] | None = None
    """Time (µs), lon, lat and speed (m/s, NaN as -1) of the last fix."""
    stay: tuple[int, float, float, int] | None = None
    """Since when (µs), where, and how many fixes: of a stay that may become a dwell."""


START = Memory()


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule made ready for one device. ``period_s``: how often the device is wont to report."""

    rule: RuleDefinition
    places: Places
    device: str
    period_s: float

    def judge(self, track: Track, memory: Memory = START) -> tuple[Memory, list[Step]]:
        """Fixes in order of time, later than those judged before."""
        if not len(track):
            return memory, []
        if self.rule.kind == "signal_lost":
            return self._silences(track, memory)
        verdict, value, stay = self._verdicts(track, memory)
        verdict = np.where(self.rule.schedule.holds(track.time_us), verdict, -1)
        last = (
            int(track.time_us[-1]),
            float(track.lon[-1]),
            float(track.lat[-1]),
            _or_minus(float(track.speed_mps[-1])),
        )
        episode, steps = self._episodes(track, verdict, value, memory.episode)
        return Memory(episode, last, stay), steps

    def _episodes(
        self, track: Track, verdict: NDArray[np.int64], value: NDArray[np.float64], state: Episode
    ) -> tuple[Episode, list[Step]]:
        steps: list[Step] = []
        # While nothing is remembered, fixes that keep the rule change nothing: go on to one that breaks it.
        breaking = np.flatnonzero(verdict > 0)
        index = 0
        while index < len(track):
            if state == IDLE:
                following = np.searchsorted(breaking, index)
                if following == len(breaking):
                    break
                index = int(breaking[following])
            seen = Seen(
                int(track.time_us[index]),
                float(track.lon[index]),
                float(track.lat[index]),
                int(verdict[index]),
                float(value[index]),
            )
            state, step = advance(state, seen, self.rule.pace)
            if step is not None:
                steps.append(step)
            index += 1
        return state, steps

    def _verdicts(
        self, track: Track, memory: Memory
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, float, float, int] | None]:
        rule = self.rule
        match rule.kind:
            case "outside_grid" | "left_city" | "off_route":
                away = self.places.distance_m(self.device, track.lon, track.lat)
                return np.where(away > rule.buffer_m, 1, np.where(away > 0, 0, -1)), away, None
            case "forbidden_zone":
                depth = self.places.depth_m(self.device, track.lon, track.lat)
                return np.where(depth > rule.buffer_m, 1, np.where(depth > 0, 0, -1)), depth, None
            case "speeding":
                return (*self._speeding(track, memory), None)
            case "dwell":
                return self._dwelling(track, memory)
            case _:
                return np.full(len(track), -1), np.zeros(len(track)), None

    def _speeding(self, track: Track, memory: Memory) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """By the device's speed, if the way agrees that it moves; else by the way."""
        way = self._way_speed(track, memory)
        told = track.speed_mps
        # A reported speed with hardly any way is a filler or a field that froze.
        speed = np.where(np.isnan(told), way, np.where(way >= 0.5 * told, told, np.fmin(told, way)))
        limit = self.places.limits_kmh(track.lon, track.lat, self.rule.limit_kmh) / 3.6
        with np.errstate(invalid="ignore"):
            verdict = np.where(speed > limit, 1, np.where(speed <= 0.95 * limit, -1, 0))
        return np.where(np.isnan(speed), 0, verdict), np.nan_to_num(speed * 3.6)

    def _way_speed(self, track: Track, memory: Memory) -> NDArray[np.float64]:
        """m/s over the step to each fix; NaN where there is none, or a long one."""
        way = np.full(len(track), np.nan)
        time_s = track.time_us / 1e6
        if len(track) > 1:
            seconds = np.diff(time_s)
            usable = (seconds > 0) & (seconds <= SLOW_STEP_S)
            way[1:][usable] = track.step_m()[usable] / seconds[usable]
        if memory.last is not None:
            seconds_before = time_s[0] - memory.last[0] / 1e6
            if 0 < seconds_before <= SLOW_STEP_S:
                here = np.array([memory.last[1]]), np.array([memory.last[2]])
                way[0] = distance_m(*here, track.lon[:1], track.lat[:1])[0] / seconds_before
        return way

    def _dwelling(
        self, track: Track, memory: Memory
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, float, float, int] | None]:
        """Seconds that the device has been near where it came to rest."""
        value = np.zeros(len(track))
        stay = memory.stay
        east = 111_195.0 * np.cos(np.radians(track.lat))
        reach = self.rule.radius_m**2
        columns = zip(
            track.time_us.tolist(), track.lon.tolist(), track.lat.tolist(), east.tolist(), strict=True
        )
        for index, (time_us, lon, lat, per_degree) in enumerate(columns):
            if stay is not None:
                since, centre_lon, centre_lat, count = stay
                dx, dy = (lon - centre_lon) * per_degree, (lat - centre_lat) * 111_195.0
                if dx * dx + dy * dy <= reach:
                    count = min(count + 1, 20)
                    centre_lon += (lon - centre_lon) / count
                    centre_lat += (lat - centre_lat) / count
                    stay = (since, centre_lon, centre_lat, count)
                    value[index] = (time_us - since) / 1e6
                    continue
            stay = (time_us, lon, lat, 1)
        return np.where(value >= self.rule.after_s, 1, -1), value, stay

    def _silences(self, track: Track, memory: Memory) -> tuple[Memory, list[Step]]:
        """A silence longer than the device's own, which began under way. It opens when it has lasted too
        long and closes with the next fix."""
        wait_us = int(max(self.rule.min_s, self.rule.periods * self.period_s) * 1e6)
        way = self._way_speed(track, memory)
        speed = np.where(np.isnan(track.speed_mps), way, track.speed_mps)
        steps: list[Step] = []
        last = memory.last
        held = self.rule.schedule.holds(track.time_us)
        for index in range(len(track)):
            here = (int(track.time_us[index]), float(track.lon[index]), float(track.lat[index]))
            if last is not None and here[0] - last[0] > wait_us and held[index]:
                opened = last[0] + wait_us
                silence_s = round((here[0] - last[0]) / 1e6, 1)
                if last[3] * 3.6 >= self.rule.moving_kmh:
                    kept = ((last[0], last[1], last[2], silence_s), (*here, silence_s))
                    told = (opened, here[0], last[1], last[2], here[1], here[2], silence_s, 2)
                    steps.append(Step("open", *told, evidence=kept))
                    steps.append(Step("close", *told, closed_us=here[0], close_reason="returned"))
            last = (*here, _or_minus(float(speed[index])))
        return Memory(last=last), steps


def _or_minus(speed: float) -> float:
    return -1.0 if speed != speed else speed
