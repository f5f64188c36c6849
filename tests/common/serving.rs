//! A server on a port of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// It ends with the test.
pub struct Server {
    pub child: Child,
    pub base: String,
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts the program with what it needs to serve, wherever there is room or at a known place.
    pub fn of(mut command: Command, listen: &str, options: &[&str]) -> Self {
        command.args(["serve", "--listen", listen]).args(options).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let mut log = BufReader::new(child.stderr.take().expect("standard error"));
        let mut line = String::new();
        log.read_line(&mut line).expect("a line");
        let place = |word: &&str| word.starts_with("http://") || word.starts_with("https://");
        let base = line.split_whitespace().find(place).expect(&line).to_owned();
        // Read as it comes: a pipe that is full holds up whoever logs.
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).expect("text");
            text
        });
        Self { child, base, log: Some(log) }
    }

    /// Waits for its end; gives what it logged and how it ended.
    pub fn ended(&mut self) -> (String, Option<i32>) {
        let log = self.log.take().expect("asked once").join().expect("read");
        (log, self.child.wait().expect("ended").code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
