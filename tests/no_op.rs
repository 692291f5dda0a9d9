//! Asking again when there is nothing new costs one round trip and the same bytes, however much there is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_tests::office::Province;
use motcua_tests::office::lodging;
use serde_json::Value;

#[test]
fn a_session_without_news_costs_the_same_for_20_and_for_220_dossiers() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let lodge = |from: usize, to: usize| {
        let lines: Vec<Value> = (from..to).map(|place| lodging("H27.101", place)).collect();
        assert_eq!(a.lodged(&lines).len(), to - from);
        let session = a.sync();
        // The process's boot is an entry of its own.
        assert!(session["changes_sent"].as_u64().is_some_and(|sent| sent >= (to - from) as u64), "{session}");
        a.sync()
    };
    let few = lodge(0, 20);
    let many = lodge(20, 220);
    for session in [&few, &many] {
        assert_eq!(session["round_trips"], 1, "{session}");
        assert_eq!(
            (&session["changes_sent"], &session["changes_received"]),
            (&Value::from(0), &Value::from(0))
        );
        let both = session["sent_bytes"].as_u64().unwrap() + session["received_bytes"].as_u64().unwrap();
        assert!(both <= 600, "{both} bytes in a session without news");
    }
    for key in ["sent_bytes", "received_bytes"] {
        assert_eq!(few[key], many[key], "{key}");
    }
    println!("20 dossiers: {few}");
    println!("220 dossiers: {many}");
}
