//! The real program in a pseudo-terminal: it draws, is silent when idle, and puts the terminal back
//! however it ends.
//!
//! These tests are about signals and silence, so some of them wait for time to pass.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const PATIENCE: Duration = Duration::from_secs(30);

fn size(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).expect("not zero")
}

struct Program {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    log: Vec<u8>,
    _home: tempfile::TempDir,
}

impl Program {
    fn demo(args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_simdeck"));
        command.args(["demo", "--sims", "300"]);
        command.args(args);
        Self::start(command)
    }

    fn start(mut command: CommandBuilder) -> Self {
        let pty = native_pty_system()
            .openpty(PtySize { rows: 30, cols: 100, ..PtySize::default() })
            .expect("pty");
        // A screen of another test that starts meanwhile would empty the log.
        let folder = tempfile::tempdir().expect("folder");
        let home = folder.path();
        command.env_clear();
        for (name, value) in
            [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("HOME", home.to_str().expect("path"))]
        {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).expect("started");
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().expect("reader");
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pty.master.take_writer().expect("writer");
        let screen = vt100::Parser::new(size(30), size(100), 0);
        Self { child, master: Some(pty.master), writer, bytes, screen, log: Vec::new(), _home: folder }
    }

    fn take(&mut self, wait: Duration) -> bool {
        let Ok(bytes) = self.bytes.recv_timeout(wait) else { return false };
        self.screen.process(&bytes);
        self.log.extend(bytes);
        true
    }

    #[track_caller]
    fn until(&mut self, words: &str) -> &mut Self {
        let begun = Instant::now();
        while !self.screen.screen().contents().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "no \"{words}\" in\n{}", self.screen.screen().contents());
            self.take(Duration::from_millis(100));
        }
        self
    }

    fn settle(&mut self) -> &mut Self {
        while self.take(Duration::from_millis(400)) {}
        self
    }

    fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.writer.write_all(bytes).expect("sent");
        self.writer.flush().expect("sent");
        self
    }

    fn signal(&mut self, name: &str) {
        let pid = self.child.process_id().expect("alive").to_string();
        assert!(
            std::process::Command::new("kill").args(["-s", name, &pid]).status().expect("kill").success()
        );
    }

    /// Waits for the end; gives how long it took.
    #[track_caller]
    fn ended(&mut self) -> Duration {
        let begun = Instant::now();
        while self.child.try_wait().expect("waits").is_none() {
            assert!(begun.elapsed() < PATIENCE, "still running");
            self.take(Duration::from_millis(20));
        }
        let took = begun.elapsed();
        while self.take(Duration::from_millis(200)) {}
        took
    }

    /// Every mode that could be on is off at the end.
    #[track_caller]
    fn restored(&self) {
        let log = String::from_utf8_lossy(&self.log);
        for mode in ["1000", "1002", "1006", "2004", "2026", "1049"] {
            let (on, off) = (log.rfind(&format!("\x1b[?{mode}h")), log.rfind(&format!("\x1b[?{mode}l")));
            assert!(off.is_some() && off > on, "mode {mode} is left on");
        }
        assert!(log.rfind("\x1b[?25h") > log.rfind("\x1b[?25l"), "the cursor is left hidden");
        assert!(!log.contains("\x1b[?1003h"), "all motion is never asked for");
        assert!(
            !log.contains("\x1b[6n") && !log.contains("\x1b[c") && !log.contains("$p"),
            "nothing is asked of the terminal"
        );
    }
}

#[test]
fn it_draws_and_q_leaves_everything_as_it_was() {
    let mut program = Program::demo(&[]);
    program.until("300 match").until("? help").send(b"q");
    program.ended();
    program.restored();
    assert!(program.child.wait().expect("status").success());
}

#[test]
fn signals_end_it_and_put_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let mut program = Program::demo(&[]);
        program.until("300 match").settle();
        program.signal(signal);
        let took = program.ended();
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
        program.restored();
    }
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    for trap in [false, true] {
        let mut program = if trap {
            // Under a shell that ignores SIGHUP the signal never arrives.
            let mut command = CommandBuilder::new("/bin/sh");
            command.args([
                "-c",
                &format!("trap '' HUP; {} demo --sims 300; true", env!("CARGO_BIN_EXE_simdeck")),
            ]);
            Program::start(command)
        } else {
            Program::demo(&[])
        };
        program.until("300 match").settle();
        drop(program.master.take());
        program.writer = Box::new(std::io::sink());
        let (_, unused) = channel();
        program.bytes = unused;
        let took = program.ended();
        assert!(took < Duration::from_secs(3), "trap {trap}: {took:?}");
    }
}

#[test]
fn a_panic_puts_the_terminal_back_before_its_message() {
    let path =
        std::path::Path::new(env!("CARGO_BIN_EXE_simdeck")).with_file_name("examples").join("panics");
    let mut program = Program::start(CommandBuilder::new(path));
    program.ended();
    program.restored();
    let screen = String::from_utf8_lossy(&program.log).into_owned();
    let (_, said) = screen.rsplit_once("\x1b[?1049l").expect("put back");
    let said = said.trim();
    assert!(said.contains("internal error; nothing was changed; details are in "), "{said}");
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    let (_, path) = said.rsplit_once("details are in ").expect("a path");
    let log = std::fs::read_to_string(path.trim_end_matches('.')).expect("the log");
    assert!(log.contains("on purpose") && log.contains("panics::main"), "{log}");
}

#[test]
fn idle_is_silent_and_costs_nothing() {
    let mut program = Program::demo(&[]);
    program.until("300 match").settle();
    let ticks = || {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", program.child.process_id().expect("alive")))
                .expect("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
    };
    let before = ticks();
    std::thread::sleep(Duration::from_secs(5));
    let after = ticks();
    assert!(after - before <= 1, "{} ticks in five idle seconds", after - before);
    assert!(!program.take(Duration::ZERO), "bytes while idle");
    program.send(b"q").ended();
}

#[test]
fn keys_cost_few_bytes() {
    let mut program = Program::demo(&[]);
    program.until("300 match").settle();
    let mut cost = |keys: &[u8]| {
        let before = program.log.len();
        program.send(keys).settle();
        program.log.len() - before
    };
    let cursor = cost(b"j");
    assert!(cursor <= 420, "{cursor} bytes for a cursor movement");
    cost(b"G");
    cost(b"k");
    for _ in 0..30 {
        cost(b"k");
    }
    let scroll = cost(b"k");
    assert!(scroll <= 5_000, "{scroll} bytes for a scrolled row");
}

#[test]
fn torn_escapes_and_stray_pastes_do_nothing_wrong() {
    let mut program = Program::demo(&[]);
    program.until("300 match").settle();
    program.send(b"\x1b").send(b"\x1b[<0;30;10M\x1b[<0;30;10m").settle();
    program.send(b"\x1b\x1b[B").settle();
    program.send(b"\x1b[200~q\nq\n\x1b[201~").until("nothing was done");
    program.send(b"89883010001000004908988301000100000565").until("You pasted");
    program.send(b"\x1b").settle();
    assert!(program.child.try_wait().expect("waits").is_none(), "still there");
    program.send(b"q").ended();
    program.restored();
}

#[test]
fn without_colour_no_colour_is_sent() {
    let mut program = Program::demo(&["--no-color"]);
    program.until("300 match").send(b" ").settle();
    let log = String::from_utf8_lossy(&program.log).into_owned();
    for code in 30..=37 {
        assert!(
            !log.contains(&format!("\x1b[{code}m")) && !log.contains(&format!(";{code}m")),
            "colour {code}"
        );
    }
    assert!(log.contains("\x1b[7m"), "the cursor is reversed");
    program.send(b"q").ended();
}

/// A paste arrives in pieces: a terminal hands on 4 kB at a time.
#[test]
fn a_long_paste_arrives_whole() {
    let mut program = Program::demo(&[]);
    program.until("300 match").settle();
    let numbers: Vec<String> = (0..500).map(|n| format!("8988300{n:012}")).collect();
    let paste = format!("\x1b[200~{}\x1b[201~", numbers.join("\r\n"));
    let (first, rest) = paste.split_at(4_000);
    program.send(first.as_bytes()).settle().send(rest.as_bytes());
    program.until("You pasted 500 numbers").send(b"f").until("0 of 500 found").send(b"\x1b");
    program.settle().send(b"q");
    program.ended();
    program.restored();
}

#[test]
fn a_workbook_is_not_written_to_a_terminal() {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_simdeck"));
    command.args(["export", "--format", "xlsx"]);
    let mut program = Program::start(command);
    program.until("--to sims.xlsx");
    program.ended();
    assert_eq!(program.child.wait().expect("status").exit_code(), 2);
}
