"""``up``: database, broker and the platform's processes under one roof, until Ctrl-C."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil

from command_center.processes import machine
from command_center.processes.broker import replace_private
from command_center.processes.installation import Installation
from command_center.processes.logs import open_log, rotate
from command_center.processes.postgres import last_lines
from command_center.processes.probes import answers_http, is_running
from command_center.processes.speech import complain, complain_of, say, step
from command_center.processes.supervised import StartFailed, Supervised, end_group, plain_spawn
from command_center.processes.tls import Certificate
from gis_core.errors import Text

PORTS_TRIED = 100
START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class UpOptions:
    """What ``up`` was asked for."""

    host: str = "127.0.0.1"
    port: int = 8080
    demo: bool = True
    simulate: bool = True
    certificate: Certificate | None = None


@dataclass
class Supervisor:
    """Runs one installation."""

    installation: Installation
    options: UpOptions
    programs: list[Supervised] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _address: str = ""
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def run(self) -> int:
        """Start everything, stay until a signal, end everything. Answers the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        self._end_left_overs()
        work = asyncio.create_task(self._start_all())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                return 130
            await work
            self._announce()
            await self._look_after_logs()
        finally:
            stopped.cancel()
            await self._stop_all()
        return 0

    async def _start_all(self) -> None:
        began = time.monotonic()
        for build in (self._database, self._broker):
            program = build()
            if program is None:
                continue
            with step(Text(*_NAMES[program.name])):
                await self._start(program)
                if program.name == "database":
                    await asyncio.to_thread(self.installation.cluster.ensure_database)
        with step(Text("更新数据库结构", "migrations")):
            await self._run_once("migrate", "migrate")
        demo_ready = self.options.demo and await self._demo_city()
        with step(Text("网页、接收、后台任务", "web, ingest, worker")):
            await self._start_platform(simulate=demo_ready and self.options.simulate)
        seconds = f"{time.monotonic() - began:.1f}"
        say(Text(f"启动用时 {seconds} 秒。", f"Started in {seconds} s."))

    def _database(self) -> Supervised | None:
        if "database" not in self.installation.own_parts:
            return None
        cluster = self.installation.cluster

        def prepare() -> None:
            cluster.create()
            cluster.prepare()

        return Supervised(
            name="database",
            command=cluster.command,
            log=cluster.log,
            is_ready=lambda: asyncio.to_thread(cluster.is_ready),
            prepare=prepare,
            spawn=cluster.spawn_arguments,
            stop_signal=signal.SIGINT,
            stop_timeout_s=30,
        )

    def _broker(self) -> Supervised | None:
        if "broker" not in self.installation.own_parts:
            return None
        broker = self.installation.broker
        return Supervised(
            name="broker",
            command=broker.command,
            log=broker.log,
            is_ready=lambda: asyncio.to_thread(broker.is_ready),
            prepare=broker.prepare,
            spawn=broker.spawn_arguments,
        )

    async def _start_platform(self, *, simulate: bool) -> None:
        port = self._web_port()
        certificate = self.options.certificate
        scheme = "https" if certificate else "http"
        web = ["web", "--host", self.options.host, "--port", str(port)]
        if certificate:
            web += ["--tls-cert", str(certificate.chain), "--tls-key", str(certificate.key)]
        self._address = f"{scheme}://{_shown_host(self.options.host)}:{port}/"
        probe = f"{scheme}://{_probed_host(self.options.host)}:{port}/healthz"
        wanted = [self._own("ingest", ["ingest"]), self._own("worker", ["worker"])]
        wanted += [self._own("web", web, probe), self._own("gateway", ["gateway"])]
        if simulate:
            wanted.append(self._own("simulate", ["simulate"]))
        await asyncio.gather(*(self._start(program) for program in wanted))

    def _own(self, name: str, arguments: Sequence[str], url: str | None = None) -> Supervised:
        """A program of ours; ready when ``url`` answers, or for those without one as soon as it runs."""

        async def is_ready() -> bool:
            return await asyncio.to_thread(answers_http, url) if url else is_running(program.pid)

        program = Supervised(
            name=name,
            command=lambda: [sys.executable, "-m", "command_center", "serve", *arguments],
            log=self.installation.log_dir / f"{name}.log",
            is_ready=is_ready,
            environment=self._environment(),
        )
        return program

    def _environment(self) -> dict[str, str]:
        return {
            **self.installation.environment(),
            "WANMI_DEMO": "1" if self.options.demo else "0",
            "PYTHONUNBUFFERED": "1",
        }

    async def _start(self, program: Supervised) -> None:
        self.programs.append(program)
        program.on_change = self._changed
        await program.start(timeout_s=START_TIMEOUT_S)

    async def _run_once(self, name: str, *arguments: str) -> None:
        """Run one of our commands to its end. Raises StartFailed with the end of its log."""
        log = self.installation.log_dir / f"{name}.log"
        how = plain_spawn()
        with open_log(log) as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "command_center", *arguments),
                **how,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **self._environment()},
            )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                end_group(process.pid)
                await process.wait()
        if code:
            raise StartFailed(name=name, log=str(log), said=last_lines(log))

    async def _demo_city(self) -> bool:
        """Make the demo city once. False when it could not be made: the platform starts without it."""
        if self.installation.demo_logins_file.exists():
            return True
        try:
            with step(Text("生成演示城市（约一分钟）", "demo city (about a minute)")):
                await self._run_once("demo", "demo", "make")
        except StartFailed as error:
            complain_of(error)
            return False
        return True

    def _web_port(self) -> int:
        """The port asked for, or the next free one; says so when it had to choose."""
        asked = self.options.port
        for port in range(asked, min(asked + PORTS_TRIED, 65_536)):
            if machine.port_is_free(port, self.options.host):
                if port != asked:
                    say(
                        Text(
                            f"    端口 {asked} 已被占用，改用 {port}。",
                            f"    Port {asked} is taken, using {port}.",
                        )
                    )
                return port
        return machine.free_port()

    def _changed(self, program: Supervised, code: int | None, delay_s: float) -> None:
        if code is not None:
            how = (
                Text(f"信号 {-code}", f"signal {-code}") if code < 0 else Text(f"代码 {code}", f"code {code}")
            )
            name, log, delay = program.name, program.log, f"{delay_s:.0f}"
            complain(
                Text(
                    f"  ! {name} 意外结束（{how.zh}），{delay} 秒后重新启动。日志：{log}",
                    f"  ! {name} ended ({how.en}), starting again in {delay} s. Log: {log}",
                )
            )
        self._write_run_file()

    def _write_run_file(self) -> None:
        state = {
            "pid": os.getpid(),
            "started_at": self._started.isoformat(),
            "address": self._address,
            "demo": self.options.demo,
            "ports": dict(self.installation.ports),
            "processes": {
                program.name: {"pid": program.pid, "restarts": program.restarts, "log": str(program.log)}
                for program in self.programs
            },
            "environment": self._environment(),
        }
        replace_private(self.installation.run_file, json.dumps(state, indent=1))

    def _announce(self) -> None:
        self._write_run_file()
        say(Text(f"\n万米已就绪：{self._address}", f"Wanmi is ready: {self._address}"))
        certificate = self.options.certificate
        if certificate and certificate.authority:
            say(certificate.instructions())
        if self.options.demo and self.installation.demo_logins_file.exists():
            say(Text("演示账号（登录名 / 密码）：", "Demo logins (login / password):"), "  ")
            for login in json.loads(self.installation.demo_logins_file.read_text(encoding="utf-8")):
                role = f"{login['role']}  {login.get('role_en', '')}"
                sys.stdout.write(f"    {login['login']:<14} {login['password']:<16} {role}\n")
        say(
            Text(
                f"日志在 {self.installation.log_dir}，按 Ctrl-C 停止。",
                f"Logs are in {self.installation.log_dir}; Ctrl-C stops everything.",
            )
        )

    async def _look_after_logs(self) -> None:
        """Until we are told to stop, keep the logs from filling the disk."""
        while not self._stop.is_set():
            for program in self.programs:
                rotate(program.log)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 30)

    async def _stop_all(self) -> None:
        """Ours first, all at once; then the broker; the database last."""
        if not self.programs:
            return
        say(Text("\n正在停止 …", "Stopping …"), "  ")
        servers = [program for program in self.programs if program.name in ("broker", "database")]
        await asyncio.gather(*(program.stop() for program in self.programs if program not in servers))
        for program in reversed(servers):
            await program.stop()
        self.installation.run_file.unlink(missing_ok=True)
        say(Text("已停止。", "Stopped."), "  ")

    def _end_left_overs(self) -> None:
        """End what a supervisor killed by force may have left; as we hold the lock, none of it is used."""
        try:
            left = json.loads(self.installation.run_file.read_text(encoding="utf-8"))["processes"].values()
        except (OSError, ValueError, KeyError):
            return
        for process in left:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, TypeError):
                found = psutil.Process(process["pid"])
                if "command_center" in found.cmdline() and "serve" in found.cmdline():
                    found.kill()
                    found.wait(5)


_NAMES = {"database": ("数据库", "database"), "broker": ("消息服务器", "broker")}


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return os.uname().nodename
    return f"[{host}]" if ":" in host else host


def _probed_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
