//! Ping and diagnostics: a command or an endpoint for each network, run with a SIM's identifiers,
//! its output captured and cleaned. No shell is involved.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use estate::{Capability, Error, Result, Sim};
use serde::{Deserialize, Serialize};

/// The most that is kept of what a command says, in bytes.
const MOST: usize = 64 * 1024;
/// How often a running command is looked after.
const LOOK: Duration = Duration::from_millis(50);
/// How long a command may run, unless the configuration says so.
const SECONDS: u64 = 20;

/// What is asked of a network about a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whether it answers.
    Ping,
    /// What the network knows of it.
    Diagnostics,
}

impl Kind {
    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ping => "Ping",
            Self::Diagnostics => "Diagnostics",
        }
    }

    /// What one has to be allowed to.
    pub fn need(self) -> Capability {
        match self {
            Self::Ping => Capability::Ping,
            Self::Diagnostics => Capability::Diagnose,
        }
    }
}

/// How it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Probe {
    /// A program and its arguments; `{iccid}`, `{imsi}`, `{msisdn}`, `{eid}`, `{imei}` and
    /// `{network}` stand for the SIM's.
    Command(Vec<String>),
    /// A URL that the SIM's identifiers are posted to, as JSON; what it answers is shown.
    Endpoint(String),
    /// An answer that is made up: the demo's.
    #[serde(skip)]
    Simulated(String),
}

/// The `[probe]` part of the configuration: by network, `*` for those that are not named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probes {
    /// How long each may take, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How a SIM is pinged.
    pub ping: BTreeMap<String, Probe>,
    /// How a SIM is diagnosed.
    pub diagnostics: BTreeMap<String, Probe>,
}

impl Probes {
    /// Those of the demo: nothing leaves this machine.
    pub fn simulate() -> Self {
        let every = |said: &str| BTreeMap::from([("*".to_owned(), Probe::Simulated(said.to_owned()))]);
        Self {
            seconds: None,
            ping: every("simulated: 3 packets sent to {msisdn}, 3 answered, 412 ms on average"),
            diagnostics: every(
                "simulated answer of {network}\nSIM            {iccid}\nIMSI           {imsi}\n\
                 registered     yes, LTE-M\nlast attach    2 hours ago\nPDP context    none\nAPN            iot.example",
            ),
        }
    }

    /// How a SIM of a network is asked, if anything is configured.
    pub fn of(&self, kind: Kind, network: &str) -> Option<&Probe> {
        let all = match kind {
            Kind::Ping => &self.ping,
            Kind::Diagnostics => &self.diagnostics,
        };
        let named =
            all.iter().find(|(name, _)| name.eq_ignore_ascii_case(network)).map(|(_, probe)| probe);
        named.or_else(|| all.get("*"))
    }

    /// How long each may take.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(SECONDS).clamp(1, 600))
    }
}

impl Probe {
    /// Asks, and gives what was said, line by line without anything that could harm a terminal.
    pub fn ask(&self, sim: &Sim, limit: Duration, stop: &dyn Fn() -> bool) -> Result<String> {
        let said = match self {
            Self::Simulated(text) => fill_template(text, sim)?,
            Self::Endpoint(url) => {
                let (url, sim) = (url.clone(), sim.clone());
                await_child(stop, move || post(&url, &sim, limit))?
            }
            Self::Command(argv) => run(argv, sim, limit, stop)?,
        };
        let said = estate::text::clean_lines(&said).trim_end().to_owned();
        Ok(if said.is_empty() { "(it said nothing)".to_owned() } else { said })
    }
}

/// Puts the SIM's identifiers where they belong. What it does not have cannot be asked with, and
/// nothing of a SIM may be taken for an option.
fn fill_template(text: &str, sim: &Sim) -> Result<String> {
    let known = [
        ("{iccid}", "ICCID", &sim.iccid),
        ("{imsi}", "IMSI", &sim.imsi),
        ("{msisdn}", "MSISDN", &sim.msisdn),
        ("{eid}", "EID", &sim.eid),
        ("{imei}", "IMEI", &sim.imei),
        ("{network}", "network", &sim.network),
    ];
    let mut filled = text.to_owned();
    for (place, name, value) in known {
        if !text.contains(place) {
            continue;
        }
        if value.is_empty() {
            return Err(Error::Conflict(format!("the SIM has no {name} to ask with")));
        }
        if value.starts_with('-') || value.contains(['{', '}']) {
            return Err(Error::Conflict(format!("its {name} cannot be asked with: {value}")));
        }
        filled = filled.replace(place, value);
    }
    Ok(filled)
}

fn run(argv: &[String], sim: &Sim, limit: Duration, stop: &dyn Fn() -> bool) -> Result<String> {
    let argv: Vec<String> = argv.iter().map(|part| fill_template(part, sim)).collect::<Result<_>>()?;
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Error::invalid("probe", "has no program"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: whatever it starts ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|e| Error::io(format!("cannot run {program}"), e))?;
    let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
    let begun = Instant::now();
    let ended = loop {
        match child.try_wait().map_err(|e| Error::io(format!("cannot wait for {program}"), e))? {
            Some(status) => break status,
            None if stop() => {
                end(&mut child);
                return Err(Error::Cancelled);
            }
            None if begun.elapsed() >= limit => {
                end(&mut child);
                let seconds = limit.as_secs();
                return Err(Error::Conflict(format!(
                    "{program} was stopped: it took longer than {seconds} s"
                )));
            }
            None => std::thread::sleep(LOOK),
        }
    };
    // What it started may hold its output open: what there is by then is what there is.
    let said = |(kept, ended): Heard| {
        let _ = ended.recv_timeout(Duration::from_secs(1));
        String::from_utf8_lossy(&kept.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    };
    let (out, err) = (said(out), said(err));
    let code = if ended.success() { String::new() } else { format!("\n({program} ended with {ended})") };
    Ok(format!("{out}{err}{code}"))
}

/// Ends a command and what it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// What a command has said so far, and that it has ended.
type Heard = (Arc<Mutex<Vec<u8>>>, Receiver<()>);

/// Reads what a command says beside it, so that it never waits for us; no more is kept than there
/// is room for.
fn read(mut from: Option<impl Read + Send + 'static>) -> Heard {
    let (kept, (sender, ended)) = (Arc::<Mutex<Vec<u8>>>::default(), channel());
    let heard = Arc::clone(&kept);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Some(from) = from.as_mut() {
            let Ok(n) = from.read(&mut buffer) else { break };
            if n == 0 {
                break;
            }
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MOST.saturating_sub(heard.len());
            heard.extend_from_slice(&buffer[..n.min(room)]);
        }
        let _ = sender.send(());
    });
    (kept, ended)
}

/// Waits for an answer that is fetched beside us, so that it can be given up.
fn await_child(
    stop: &dyn Fn() -> bool,
    ask: impl FnOnce() -> Result<String> + Send + 'static,
) -> Result<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || drop(sender.send(ask())));
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) if stop() => return Err(Error::Cancelled),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Conflict("the network could not be asked".into()));
            }
        }
    }
}

fn post(url: &str, sim: &Sim, limit: Duration) -> Result<String> {
    let body = serde_json::json!({ "iccid": sim.iccid, "imsi": sim.imsi, "msisdn": sim.msisdn, "eid": sim.eid,
                                   "imei": sim.imei, "network": sim.network });
    // What stands behind the host may be a secret, and anybody may ask.
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().to_owned();
    let failed = |e: ureq::Error| Error::Conflict(format!("{host} cannot be asked: {e}"));
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(limit)).max_redirects(0).build().into();
    let mut answer = agent
        .post(url)
        .header("content-type", "application/json")
        .send(body.to_string())
        .map_err(failed)?;
    answer.body_mut().with_config().limit(MOST as u64).lossy_utf8(true).read_to_string().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sim() -> Sim {
        let json = include_str!("../tests/data/one-sim.json");
        serde_json::from_str(json).expect("a SIM")
    }

    fn sh(script: &str) -> Probe {
        Probe::Command(["sh", "-c", script, "probe", "{iccid}"].map(str::to_owned).to_vec())
    }

    fn ask(probe: &Probe, sim: &Sim) -> Result<String> {
        probe.ask(sim, Duration::from_secs(20), &|| false)
    }

    #[test]
    fn a_command_gets_identifiers_as_they_are_and_its_output_is_cleaned() {
        let mut sim = sim();
        let said =
            ask(&sh("printf 'got %s\\033[31m\\n' \"$1\"; echo bad >&2; exit 3"), &sim).expect("asked");
        assert!(said.starts_with(&format!("got {}\nbad", sim.iccid)), "{said:?}");
        assert!(said.contains("exit status: 3") && !said.contains('\u{1b}'), "{said:?}");
        assert_eq!(ask(&sh("true"), &sim).expect("asked"), "(it said nothing)");
        // Nothing of a SIM is an option or a placeholder, and what is missing is said.
        sim.network = "-rf".into();
        let network = Probe::Command(vec!["echo".into(), "{network}".into()]);
        assert!(matches!(ask(&network, &sim), Err(Error::Conflict(why)) if why.contains("network")));
        sim.network.clear();
        assert!(
            matches!(ask(&network, &sim), Err(Error::Conflict(why)) if why.contains("has no network"))
        );
        let none = Probe::Command(vec!["/nonexistent/program".into()]);
        assert!(matches!(ask(&none, &sim), Err(Error::Io { .. })));
    }

    #[test]
    fn a_command_that_goes_on_is_stopped_with_what_it_started() {
        let sim = sim();
        let slow = sh("sleep 600 & sleep 600");
        let stopped = slow.ask(&sim, Duration::from_millis(200), &|| false);
        assert!(matches!(stopped, Err(Error::Conflict(why)) if why.contains("longer than")));
        assert_eq!(slow.ask(&sim, Duration::from_mins(10), &|| true), Err(Error::Cancelled));
        // What goes on behind it holds nothing back of what was said.
        let behind = ask(&sh("echo said; sleep 600 & true"), &sim);
        assert_eq!(behind.expect("asked"), "said");
        // What it says beyond the room there is does not hold it up.
        let much = ask(&sh("head -c 1000000 /dev/zero | tr '\\0' x"), &sim).expect("asked");
        assert_eq!(much.len(), 64 * 1024);
    }

    #[test]
    fn a_network_has_its_own_probe_or_that_of_all() {
        let config = "seconds = 5\n[ping]\n\"*\" = [\"true\"]\nAlpha = \"https://alpha.example/ping\"\n";
        let probes: Probes = toml::from_str(config).expect("read");
        assert_eq!(
            probes.of(Kind::Ping, "ALPHA"),
            Some(&Probe::Endpoint("https://alpha.example/ping".into()))
        );
        assert_eq!(probes.of(Kind::Ping, "Beta"), Some(&Probe::Command(vec!["true".into()])));
        assert_eq!(
            (probes.of(Kind::Diagnostics, "Alpha"), probes.limit()),
            (None, Duration::from_secs(5))
        );
    }
}
