//! Takes the terminal over and panics, for the test that the terminal is put back then too.

use std::sync::mpsc::channel;

use simdeck::tui::term::guard::{Input, Terminal};

fn main() {
    let (sender, _receiver) = channel::<Input>();
    let mut terminal = Terminal::take(true, false, &sender, |heard| heard).expect("a terminal");
    terminal.write(b"drawn").expect("written");
    std::thread::spawn(|| panic!("on purpose")).join().expect_err("it panicked");
}
