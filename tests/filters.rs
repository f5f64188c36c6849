//! Filters on the screen: the line, the builder, chips, lists.

mod common;

use common::session;
use estate::{Change, ChangeId};
use simdeck::tui::hit_test::Hit;
use simdeck::tui::msg::Msg;
use simdeck::tui::overlay::Overlay;
use simdeck::tui::term::Button;

#[test]
fn the_builder_leads_through_a_condition_by_keys_alone() {
    let (_dir, mut session) = session((80, 24));
    session.keys("F");
    session.shows("All of these hold");
    session.shows("400 SIMs match");
    session.keys("<Enter>stat<Enter><Enter>");
    session.shows("alerted");
    session.keys("al<Enter>");
    let alerted = session.count("status=alerted");
    session.shows(&format!("{alerted} SIMs match"));
    session.keys("a<Enter>used<Enter><Enter>lots<Enter>");
    session.shows("expected a size such as 500MB");
    session.keys("y");
    session.shows("cannot be read");
    session.keys("<Enter><C-u>1MB<Enter>ny");
    assert_eq!(session.filter(), "status=alerted -used>=1MB");
    assert_eq!(session.model.matching, Some(session.count("status=alerted -used>=1MB")));
    session.shows("[status=alerted ×] [-used>=1MB ×]");
}

#[test]
fn the_builder_works_by_mouse_alone() {
    let (_dir, mut session) = session((80, 24));
    let empty = session.model.matching;
    session.click_on(Button::Left, |h| matches!(h, Hit::Action(a) if a.row().name == "menu"));
    let line = session.hit(|h| h == Hit::Item(17));
    session.click(Button::Left, line);
    session.shows("Filter Builder");
    session.click_on(Button::Left, |h| h == Hit::Cell(1, simdeck::tui::overlay::builder::Cell::Field));
    session.shows("ICCID");
    // Account Name is the first field that is offered; its list of accounts follows.
    session.click_on(Button::Left, |h| h == Hit::Item(0));
    session.click_on(Button::Left, |h| h == Hit::Item(0));
    session.click_on(Button::Left, |h| h == Hit::Item(1));
    session.click_on(Button::Left, |h| h == Hit::Tool('n'));
    let apply = session.button("Apply");
    session.click(Button::Left, apply);
    let path = session.model.accounts.path(session.model.accounts.all()[1].id);
    assert_eq!(session.filter(), format!("-in:\"{path}\""));
    session.click_on(Button::Left, |h| h == Hit::Chip(0));
    assert_eq!((session.filter().as_str(), session.model.matching), ("", empty));
}

#[test]
fn groups_are_made_moved_and_taken_back_as_text() {
    let (_dir, mut session) = session((120, 40));
    session.keys("F<Tab>status=active (network:nord or network:tel)<BTab>");
    session.shows("Any of these holds");
    session.keys("<Home><Down><Down>o");
    session.shows("status=active (network:nord network:tel)");
    session.keys("<Down>dn");
    session.shows("-network:nord");
    session.keys("xKy");
    assert_eq!(session.filter(), "status=active (network:tel network:nord)");
    session.keys("gr");
    session.shows("Recent filters");
    session.keys("<Enter>");
    session.keys("F");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Builder(_))));
    session.keys("r");
    session.shows("every SIM");
    session.keys("<Esc>");
    assert_ne!(session.filter(), "", "Esc changes nothing");
}

#[test]
fn the_filter_line_completes_colours_and_points_at_faults() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/netw<Tab>");
    session.shows("network:");
    session.shows("Tab takes");
    session.keys("<Down><Enter>");
    let first = session.model.known[&estate::Field::Network][0].0.clone();
    assert!(session.filter().starts_with("network:") && session.filter().contains(&first), "{first}");
    session.keys(" used>=lots");
    session.shows("expected a size");
    let before = session.model.matching;
    session.keys("<Enter>");
    session.shows("cannot be read yet");
    assert_eq!(session.model.matching, before, "what could be read last is still shown");
    session.keys("<Esc>");
    assert_eq!(session.filter(), "");
    session.keys("/status=x<BS>bl");
    session.click_on(Button::Left, |h| h == Hit::Offered(0));
    assert_eq!(session.filter(), "status=blocked");
}

#[test]
fn the_line_and_the_builder_name_the_same_mistakes() {
    for (text, fault) in [
        ("used>1,5GB", "a size takes a point: used>1.5GB"),
        ("or status=active", "expected a condition before or"),
        ("seen>05/11/2026", "write 2026-11-05 or 2026-05-11"),
    ] {
        let (_dir, mut session) = session((120, 40));
        session.keys(&format!("/{text}"));
        session.shows(fault);
        session.keys("<Esc>");
        session.keys(&format!("F<Tab>{text}"));
        session.shows(fault);
    }
    let (_dir, mut session) = session((120, 40));
    session.keys("/used>1.5 GB<Enter>");
    assert_eq!(session.filter(), "used>1500MB");
    // A row of the builder refuses the same value.
    session.keys("<BS>F<Enter>used<Enter><Enter>1,5GB<Enter>");
    session.shows("a size takes a point");
}

#[test]
fn chips_are_taken_away_one_by_one_and_the_list_follows() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/status=active session=yes used>1kB network:e<Enter>");
    let chip = session.hit(|h| h == Hit::Chip(1));
    session.click(Button::Left, chip);
    assert_eq!(session.filter(), "status=active used>1kB network:e");
    session.keys("-1");
    assert_eq!(session.filter(), "used>1kB network:e");
    session.keys("-2");
    assert_eq!(session.filter(), "used>1kB");
    session.keys("-");
    assert_eq!((session.filter().as_str(), session.model.matching), ("", Some(400)));
    session.keys("-");
    session.shows("there is no filter");
}

#[test]
fn accounts_are_filtered_by_from_the_column_and_from_the_tree() {
    let (_dir, mut session) = session((120, 40));
    let accounts = std::sync::Arc::clone(&session.model.accounts);
    let second = &accounts.all()[1];
    let path = accounts.path(second.id);
    session.click_on(Button::Right, |h| h == Hit::Header(estate::Column::Account));
    session.shows("Filter by account name");
    session.keys("<Down><Down><Enter>");
    session.keys(&second.name);
    session.keys("<Enter>");
    assert_eq!(session.filter(), format!("in:{}", estate::filter::suggest::quote(&path)));
    assert_eq!(session.model.matching, Some(second.subtree));
    session.keys("<BS><Tab><Down>=");
    assert_eq!(
        (session.filter(), session.model.query.under),
        (format!("in:{}", estate::filter::suggest::quote(&path)), accounts.all()[0].id)
    );
    session.keys("<Tab>=");
    session.shows("Show only SIMs with the");
    session.keys("<Down><Enter>");
    assert!(session.filter().contains("status="), "{}", session.filter());
}

#[test]
fn a_pasted_list_is_a_criterion_whose_misses_are_listed_and_exported() {
    let (dir, mut session) = session((100, 30));
    let iccids: Vec<String> =
        session.model.table.rows.iter().take(3).map(|r| r.row.sim.iccid.clone()).collect();
    let pasted =
        format!("ICCID\r\n{}F\r\n{}\r\n{}\r\n8988300000000000001\r\n", iccids[0], iccids[1], iccids[2]);
    session.keys("<Tab><Down><Tab>L");
    session.paste(&pasted).keys("<Enter>");
    session.shows("The list: 3 of 4 found");
    session.shows("8988300000000000001");
    assert_eq!(session.model.query.under, session.model.accounts.all()[0].id, "wherever they are");
    let file = dir.path().join("missing.csv");
    session.keys("e");
    session.keys(&format!("<C-u>{}<Enter>", dir.path().join("demo.db-wal").display()));
    session.shows("is the store in use");
    session.keys("e");
    session.keys(&format!("<C-u>{}<Enter>", file.display()));
    assert_eq!(std::fs::read_to_string(&file).expect("written"), "number\n8988300000000000001\n");
    session.keys("<Esc>");
    assert_eq!(session.model.matching, Some(3));
    session.keys("gi");
    session.shows("3 of 4 found");
    session.keys("s");
    session.keys("My list<Enter><Esc><BS>b<Enter>");
    assert_eq!(session.model.matching, Some(3), "a list is kept like any filter");
    let path = dir.path().join("list.csv");
    std::fs::write(&path, format!("label;iccid\nx;{}\n", iccids[1])).expect("written");
    session.keys("<BS>L");
    session.keys(&format!("{}<Enter>", path.display()));
    assert_eq!(session.model.matching, Some(1));
    session.keys("L");
    session.keys("no-such-file.csv<Enter>");
    session.shows("no-such-file.csv");
}

#[test]
fn every_dialog_at_every_size() {
    for size in [(40, 10), (60, 20), (80, 24), (120, 40), (200, 50), (300, 100)] {
        let (_dir, mut session) = session(size);
        for keys in [
            "F",
            "FaAnoKJ<Tab>x(",
            "c",
            "b",
            "ba",
            "L",
            "/stat",
            "/in:",
            "s",
            "-",
            "gr",
            "=",
            "F<Enter>",
            "F<Right><Right><Enter>",
        ] {
            session.keys(keys);
            session.text();
            session.keys("<Esc><Esc><Esc><Esc><Esc>");
        }
    }
}

#[test]
fn nothing_is_lost_by_one_key_too_many() {
    let (dir, mut session) = session((80, 24));
    session.keys("/status=active<Enter><Esc><Esc>");
    assert_eq!(session.filter(), "status=active", "Esc leaves the filter");
    session.keys("Fn<Esc>");
    session.shows("Esc again drops");
    session.keys("<Esc>");
    assert!(session.model.overlays.is_empty());
    let path = dir.path().join("taken.csv");
    std::fs::write(&path, "mine").expect("written");
    session.keys("e");
    session.keys(&format!("{}<Enter>", path.display()));
    session.shows("exists already");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Form(_))), "the dialog is there again");
    session.keys("<Esc>/bl");
    session.click_on(Button::Right, |h| h == Hit::Row(0));
    assert!(session.model.search.is_none(), "the line ends where something else is clicked");
}

#[test]
fn accounts_take_each_others_place_and_paths_become_names() {
    let (_dir, mut session) = session((120, 40));
    let accounts = std::sync::Arc::clone(&session.model.accounts);
    session.keys("<Tab><Down>=<Tab>");
    session.keys("<Tab><Home><Down><Down>=<Tab>");
    let third = accounts
        .path(session.model.accounts.all().iter().filter(|a| a.depth == 1).nth(1).expect("second").id);
    assert_eq!(session.filter(), format!("in:{}", estate::filter::suggest::quote(&third)));
    session.keys("F<Left><Enter><Down><Down><Enter>");
    session.shows("is            ");
    let name = estate::split_path(&third).expect("path").pop().expect("name");
    session.keys("y");
    assert_eq!(session.filter(), format!("account={}", estate::filter::suggest::quote(&name)));
}

#[test]
fn a_list_of_very_many_numbers_is_no_burden() {
    let (_dir, mut session) = session((80, 24));
    let numbers: Vec<String> = (0..20_000).map(|n| format!("8988300{n:012}")).collect();
    session.paste(&numbers.join("\n")).keys("f");
    assert_eq!(session.model.matching, Some(0));
    session.keys("<Esc>F");
    session.keys("<Esc>L");
    session.paste(&vec!["8988300000000000001"; 100_001].join("\n")).keys("<Enter>");
    session.shows("more than 100000");
}

#[test]
fn a_list_pasted_into_the_builder_is_told_apart_by_what_is_there() {
    let (_dir, mut session) = session((120, 40));
    let imeis: Vec<String> =
        session.model.table.rows.iter().take(2).map(|r| r.row.sim.imei.clone()).collect();
    session.keys("F").paste(&imeis.join("\n"));
    session.keys("y");
    assert_eq!(session.filter(), format!("imei={}", imeis.join(",")));
    assert_eq!(session.model.matching, Some(2));
    let mut builder = |filter: &str, pasted: &str| {
        session.keys("<BS>/").paste(filter).keys("<Enter>F<Tab>").paste(pasted).keys("y");
        session.filter()
    };
    let pasted = "IMSI\n234100000000001\n234100000000002\n234100000000002\n";
    assert_eq!(builder("", pasted), "imsi=234100000000001,234100000000002");
    assert_eq!(
        builder("status=active", "234100000000001\n8944500102198000003\n"),
        "status=active (iccid=8944500102198000003 or imsi=234100000000001)"
    );
}

#[test]
fn going_to_a_sim_finds_it_from_any_account() {
    let (_dir, mut session) = session((120, 40));
    let iccid = session.model.table.rows[0].row.sim.iccid.clone();
    session.paste(&iccid).keys("g");
    assert_eq!(session.model.matching, Some(1));
    session.keys("<Tab><End><Enter>");
    assert_eq!(session.model.matching, Some(0), "{}", session.text());
    session.paste(&iccid).keys("g");
    assert_eq!(session.model.matching, Some(1), "{}", session.text());
}

#[test]
fn an_open_builder_offers_accounts_as_they_are_called_now() {
    let (_dir, mut session) = session((120, 40));
    session.keys("F");
    let account = session.model.accounts.all()[1].id;
    let change = Change::RenameAccount { account, name: "Zebra Crossings".into() };
    session
        .estate
        .apply(&ChangeId::new(), &change, &|_| std::ops::ControlFlow::Continue(()))
        .expect("renamed");
    session.msg(Msg::Committed);
    session.keys("<Right><Right><Enter>zebra");
    let Some(Overlay::Choose(chooser)) = session.model.overlays.last() else {
        panic!("{}", session.text())
    };
    assert!(!chooser.shown.is_empty(), "{}", session.text());
}
