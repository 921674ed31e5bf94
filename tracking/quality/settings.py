"""Thresholds of the quality checks; each can be set by WANMI_QUALITY_… in the environment."""

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class QualitySettings(BaseSettings):
    """When a fix or a stretch of a track is not taken at its word."""

    model_config = SettingsConfigDict(env_prefix="WANMI_QUALITY_", frozen=True)

    zero_island_deg: NonNegativeFloat = 0.001
    """Nearer to 0,0 than this on both axes: a receiver without a fix."""
    future_tolerance_s: NonNegativeFloat = 300.0
    """Further ahead of the present than this: refused."""
    jump_min_m: PositiveFloat = 300.0
    """A spike goes out and back by at least this."""
    jump_near_m: PositiveFloat = 100.0
    """… or by this, when out and back are at ``jump_max_mps``."""
    jump_min_mps: PositiveFloat = 10.0
    """Out and back are each at least so fast …"""
    jump_own_speed: PositiveFloat = 1.4
    """… and so many times the device's own fast speed (95th percentile of its steps) …"""
    jump_max_mps: PositiveFloat = 70.0
    """… but at this speed it is fast enough whatever the device does otherwise."""
    jump_detour: PositiveFloat = 2.5
    """Out and back together are so many times the way between the neighbours."""
    jump_least_speed: PositiveFloat = 0.3
    """Spikes that are slower than ``jump_own_speed`` are at least so many times the own fast speed …"""
    jump_pace: PositiveFloat = 1.7
    """… and out and back at so many times the pace of the steps around …"""
    jump_lonely_m: PositiveFloat = 50.0
    """… or at that pace, to where no device of the file is otherwise within this, and within what is usual
    of the device."""
    jump_fixes: PositiveInt = 6
    """So many fixes in a row may lie out there; more are a journey."""
    leap_min_mps: PositiveFloat = 15.0
    """A leap that is not taken back is at least so fast …"""
    leap_own_speed: PositiveFloat = 2.2
    """… and so many times the own fast speed."""
    wild_mps: PositiveFloat = 40.0
    """A told speed from here on is compared with the way, which must show a third of it; from
    ``jump_max_mps`` on two thirds."""
    impossible_mps: PositiveFloat = 350.0
    """No device of ours travels so fast; an airliner does 250 m/s."""
    frozen_fixes: PositiveInt = 4
    """So many fixes at the very same place are looked at …"""
    frozen_min_m: PositiveFloat = 150.0
    """… and are a frozen position when the device is then at least so far away at once …"""
    frozen_own_speed: PositiveFloat = 1.0
    """… at so many times its own fast speed, and faster than around."""
    frozen_abrupt: PositiveInt = 6
    """Or so many, when it stood still from one fix to the next out of a drive and back into one, and is not
    wont to repeat itself where it stands."""
    frozen_speed_mps: PositiveFloat = 3.0
    """Or when it says all the while that it moves at this speed or more."""
    heading_fixes: PositiveInt = 6
    """So many fixes with the very same course, while the way turns, are a frozen heading …"""
    heading_turn_deg: PositiveFloat = 60.0
    """… when the way turned by this."""
    clock_min_s: PositiveFloat = 1_200.0
    """A clock is wrong when it is off by at least this; less is drift or delay."""
    clock_fixes: PositiveInt = 3
    """So many fixes in a row with one and the same error make it the clock's."""
    gap_min_s: PositiveFloat = 300.0
    """A silence is longer than this …"""
    gap_periods: PositiveFloat = 5.0
    """… and than so many of the device's own median intervals."""
    parked_m: PositiveFloat = 200.0
    """A silence that ends so near to where it began is parking: the terminal sleeps with the ignition."""
    copy_steps: PositiveInt = 20
    """Two devices that share so many steps, coordinate for coordinate, and …"""
    copy_share: PositiveFloat = 0.05
    """… this part of the steps of one of them: a copied track, or stretch of one …"""
    copy_few_steps: PositiveInt = 8
    """… or so many that are nearly all of a short track."""
