use proptest::prelude::*;

use super::*;

const LATE: Duration = Duration::from_mins(1);

/// Feeds pieces, each a moment after the other, then silence.
fn decode(pieces: &[&[u8]]) -> Vec<Event> {
    let mut decoder = Decoder::new(false);
    let mut events = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        events.extend(decoder.feed(piece, Duration::from_millis(30 * i as u64)));
    }
    events.extend(decoder.expire(LATE));
    events
}

fn keys(list: &[Code]) -> Vec<Event> {
    list.iter().map(|code| Event::Key(Key::plain(*code))).collect()
}

fn click() -> Event {
    Event::Mouse(Mouse { kind: MouseKind::Down(Button::Left), x: 9, y: 4, ctrl: false, shift: false })
}

#[test]
fn torn_sequences_never_become_text() {
    let escape_down = keys(&[Code::Esc, Code::Down]);
    assert_eq!(decode(&[b"\x1b\x1b[B"]), escape_down);
    assert_eq!(decode(&[b"\x1b", b"\x1b[B"]), escape_down);
    assert_eq!(decode(&[b"\x1b", b"[B"]), keys(&[Code::Down]));
    assert_eq!(decode(&[b"\x1b[", b"B"]), keys(&[Code::Down]));
    assert_eq!(decode(&[b"\x1b\x1bOB"]), escape_down);
    let escape_click = vec![Event::Key(Key::plain(Code::Esc)), click()];
    assert_eq!(decode(&[b"\x1b\x1b[<0;10;5M"]), escape_click);
    assert_eq!(decode(&[b"\x1b", b"[<0;10;5M"]), vec![click()]);
    assert_eq!(decode(&[b"\x1b[<0;1", b"0;5M"]), vec![click()]);
    assert_eq!(decode(&[b"\x1b[<0;10", b"\x1b[B"]), keys(&[Code::Down]));
}

#[test]
fn a_lone_escape_is_the_key_after_a_moment() {
    let mut decoder = Decoder::new(false);
    assert_eq!(decoder.feed(b"\x1b", Duration::ZERO), []);
    assert_eq!(decoder.expire(Duration::from_millis(59)), []);
    assert_eq!(decoder.expire(Duration::from_millis(60)), keys(&[Code::Esc]));
    assert_eq!(decoder.deadline(), None, "nothing is waited for when nothing is pending");
}

#[test]
fn replies_nobody_asked_for_are_swallowed() {
    for reply in [
        &b"\x1b[?2026;2$y"[..],
        b"\x1b[?997;1n",
        b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
        b"\x1bP>|xterm(379)\x1b\\",
        b"\x1b[>41;379;0c",
    ] {
        assert_eq!(decode(&[reply, b"j"]), keys(&[Code::Char('j')]), "{reply:?}");
    }
}

#[test]
fn pastes_are_one_event_however_they_come() {
    let pasted = vec![Event::Paste("89\n90".into())];
    assert_eq!(decode(&[b"\x1b[200~89\r\n90\x1b[201~"]), pasted);
    assert_eq!(decode(&[b"\x1b[200~89\r\n9", b"0\x1b[20", b"1~"]), pasted);
    assert_eq!(decode(&[b"\x1b[200~89\r90"]), pasted, "without an end");
    let mut decoder = Decoder::new(false);
    assert_eq!(decoder.feed(b"\x1b[200~abc", Duration::ZERO), []);
    assert!(decoder.deadline().is_some_and(|d| d <= Duration::from_secs(10)));
    assert_eq!(decoder.expire(LATE), [Event::Paste("abc".into())]);
    assert_eq!(decoder.feed(b"j", LATE), keys(&[Code::Char('j')]));
}

#[test]
fn a_burst_is_a_paste_and_a_held_key_is_not() {
    assert_eq!(decode(&[b"8944110000\r"]), [Event::Paste("8944110000\n".into())]);
    assert_eq!(decode(&[b"jjjjjjjjjjjjjjjj"]).len(), 16);
    assert_eq!(decode(&[b"move"]).len(), 4);
}

#[test]
fn keys_of_several_terminals() {
    let shift = |code| vec![Event::Key(Key { shift: true, ..Key::plain(code) })];
    assert_eq!(decode(&[b"\x1b[1;2A"]), shift(Code::Up));
    assert_eq!(decode(&[b"\x1b[a"]), shift(Code::Up));
    assert_eq!(decode(&[b"\x1b[6;2~"]), shift(Code::PageDown));
    assert_eq!(decode(&[b"\x1b[6$"]), shift(Code::PageDown));
    assert_eq!(decode(&[b"\x1b[21~"]), keys(&[Code::F(10)]));
    assert_eq!(decode(&[b"\x1b[29~"]), keys(&[Code::Menu]));
    assert_eq!(decode(&[b"\x1bOP\x1b[Z\x7f"]), keys(&[Code::F(1), Code::BackTab, Code::Backspace]));
    assert_eq!(decode(&["é漢".as_bytes()]), keys(&[Code::Char('é'), Code::Char('漢')]));
    assert_eq!(decode(&[&"é".as_bytes()[..1], &"é".as_bytes()[1..]]), keys(&[Code::Char('é')]));
    let ctrl = Event::Key(Key { ctrl: true, ..Key::char('a') });
    assert_eq!(decode(&[b"\x01"]), [ctrl]);
}

#[test]
fn a_large_paste_is_quick_to_take() {
    let list: String = (0..20_000).map(|i| format!("8944110000{i:09}\r\n")).collect();
    let bytes = format!("\x1b[200~{list}\x1b[201~");
    let mut decoder = Decoder::new(false);
    let events: Vec<Event> =
        bytes.as_bytes().chunks(1024).flat_map(|c| decoder.feed(c, Duration::ZERO)).collect();
    let [Event::Paste(text)] = events.as_slice() else { panic!("one paste") };
    assert_eq!(text.lines().count(), 20_000);
}

proptest! {
    /// However a stream is cut, the same events come out as long as the pieces follow each other.
    #[test]
    fn cuts_do_not_matter(cut in 1usize..40) {
        let stream = b"j\x1b[A\x1b[<2;10;5M\x1b[<2;10;5m\xc3\xa9\x1bOP\x1b[200~ab\x1b[201~k\x1b[1;2B";
        let cut = cut.min(stream.len() - 1);
        let whole = decode(&[stream]);
        prop_assert_eq!(decode(&[&stream[..cut], &stream[cut..]]), whole);
    }

    #[test]
    fn no_bytes_make_it_panic_or_stall(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(true);
        decoder.feed(&bytes, Duration::ZERO);
        decoder.expire(LATE);
        let after = decoder.feed(b"j", LATE);
        prop_assert!(after.ends_with(&keys(&[Code::Char('j')])));
    }
}
