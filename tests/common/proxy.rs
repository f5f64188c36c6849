//! A proxy in front of a server: it counts, loses, holds back or rewrites answers.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// One request as it came.
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

/// What happens to a request.
pub enum Fate {
    /// The answer of the server.
    Pass,
    /// The answer with another body.
    Rewrite(fn(&[u8]) -> Vec<u8>),
    /// The server makes it, and the connection ends without an answer.
    Lose,
    /// Bytes in place of an answer. The server never hears of the request.
    Instead(Vec<u8>),
    /// Bytes in place of an answer that does not end: the connection stays open until the client
    /// closes it.
    Hold(Vec<u8>),
    /// The same bytes again and again, behind others.
    Endless(Vec<u8>, Vec<u8>),
}

type Judge = dyn Fn(&Request) -> Fate + Send + Sync;

/// Runs until the test ends.
pub struct Proxy {
    pub base: String,
    /// Each request that was answered, and the length of its answer.
    pub answered: Arc<Mutex<Vec<(String, usize)>>>,
    /// Told when an answer was added.
    pub noted: Arc<Condvar>,
}

/// Notes an answer.
struct Log(Arc<Mutex<Vec<(String, usize)>>>, Arc<Condvar>);

impl Log {
    fn note(&self, request: String, bytes: usize) {
        self.0.lock().expect("log").push((request, bytes));
        self.1.notify_all();
    }
}

impl Proxy {
    /// Starts a proxy in front of `base`.
    pub fn new(base: &str, judge: impl Fn(&Request) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = format!("http://{}", listener.local_addr().expect("address"));
        let server = base.trim_start_matches("http://").to_owned();
        let (answered, noted) = (Arc::default(), Arc::default());
        let judge: Arc<Judge> = Arc::new(judge);
        let log = Arc::new(Log(Arc::clone(&answered), Arc::clone(&noted)));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (server, judge, log) = (server.clone(), Arc::clone(&judge), Arc::clone(&log));
                std::thread::spawn(move || {
                    // A client that goes away is none of the proxy's failures.
                    let _ = client.and_then(|client| serve(client, &server, judge.as_ref(), &log));
                });
            }
        });
        Self { base: own, answered, noted }
    }

    /// Bytes of all answers so far to requests that begin like that.
    pub fn bytes(&self, begin: &str) -> usize {
        let answered = self.answered.lock().expect("log");
        answered.iter().filter(|(request, _)| request.starts_with(begin)).map(|(_, bytes)| bytes).sum()
    }
}

fn serve(mut client: TcpStream, server: &str, judge: &Judge, log: &Log) -> std::io::Result<()> {
    let Some(request) = read_request(&mut BufReader::new(client.try_clone()?))? else { return Ok(()) };
    let name = format!("{} {}", request.method, request.path);
    let fate = judge(&request);
    match &fate {
        Fate::Instead(bytes) => {
            client.write_all(bytes)?;
            log.note(name, bytes.len());
            client.shutdown(Shutdown::Write)
        }
        Fate::Hold(bytes) => {
            client.write_all(bytes)?;
            log.note(name, bytes.len());
            client.read_to_end(&mut Vec::new()).map(drop)
        }
        Fate::Endless(begin, again) => {
            let mut sent = 0;
            let ended = client.write_all(begin).and_then(|()| {
                loop {
                    client.write_all(again)?;
                    sent += again.len();
                }
            });
            log.note(format!("endless {name}"), sent);
            ended
        }
        Fate::Pass | Fate::Rewrite(_) | Fate::Lose => {
            let answer = ask(server, &request)?;
            let (head, body) = split(&answer);
            let body = unchunk(&head, body);
            let body = if let Fate::Rewrite(rewrite) = fate { rewrite(&body) } else { body };
            log.note(name, body.len());
            if matches!(fate, Fate::Lose) {
                return Ok(());
            }
            let kept = head.lines().filter(|line| !is_framing(line)).collect::<Vec<_>>().join("\r\n");
            let length = body.len();
            let head = format!("{kept}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            client.write_all(head.as_bytes())?;
            client.write_all(&body)
        }
    }
}

/// True for a header about the frame of a body.
fn is_framing(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["content-length:", "transfer-encoding:", "connection:", "accept-encoding:"]
        .iter()
        .any(|name| line.starts_with(name))
}

fn read_request(client: &mut impl Read) -> std::io::Result<Option<Request>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).trim_end().to_owned();
    let mut words = head.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut body = Vec::new();
    if header(&head, "transfer-encoding").is_some() {
        while !body.ends_with(b"0\r\n\r\n") {
            if client.read(&mut byte)? == 0 {
                return Ok(None);
            }
            body.push(byte[0]);
        }
        body = unchunk(&head, &body);
    } else if let Some(length) = header(&head, "content-length") {
        body = vec![0; length.parse().expect("a length")];
        client.read_exact(&mut body)?;
    }
    Ok(Some(Request { method, path, head, body }))
}

fn ask(server: &str, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server)?;
    let kept: Vec<&str> = request.head.lines().filter(|line| !is_framing(line)).collect();
    let head = format!(
        "{}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        kept.join("\r\n"),
        request.body.len()
    );
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&request.body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    (String::from_utf8_lossy(&answer[..end]).into_owned(), &answer[end + 4..])
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Takes a body out of its chunks (RFC 9112 §7.1).
fn unchunk(head: &str, body: &[u8]) -> Vec<u8> {
    if header(head, "transfer-encoding").is_none() {
        return body.to_vec();
    }
    let (mut out, mut rest) = (Vec::new(), body);
    while let Some(end) = rest.windows(2).position(|part| part == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        if size == 0 {
            break;
        }
        out.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    out
}
