//! The only place that asks the machine what time it is.

use std::fmt::Debug;

use sync_protocol::time::Millis;

/// Where a running program takes its time from; tests bring their own.
pub trait Clock: Debug + Send + Sync {
    /// The wall clock as it stands, right or wrong.
    fn wall(&self) -> Millis;

    /// Milliseconds on a clock that never goes back, from an arbitrary start within this process.
    fn monotonic_ms(&self) -> u64;

    /// Blocks this thread for about `duration_ms`.
    fn wait_ms(&self, duration_ms: u64);
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic part starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one caller of now()")]
    pub fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one caller of now()")]
    fn wall(&self) -> Millis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Millis(match since {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        })
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one caller of sleep()")]
    fn wait_ms(&self, duration_ms: u64) {
        std::thread::sleep(std::time::Duration::from_millis(duration_ms));
    }
}

/// Vietnam's offset from UTC; the country keeps one time all year.
pub const VIETNAM: jiff::tz::Offset = jiff::tz::offset(7);

/// RFC 3339 text with Vietnam's offset, to the second, as every output of the program writes times.
#[must_use]
pub fn rfc3339(at: Millis) -> String {
    civil(at).map_or_else(
        || "0000-00-00T00:00:00+07:00".to_owned(),
        |local| format!("{}+07:00", local.strftime("%Y-%m-%dT%H:%M:%S")),
    )
}

/// A time as people read it, `dd/MM/yyyy HH:mm` in Vietnam. JSON has [`rfc3339`].
#[must_use]
pub fn for_people(at: Millis) -> String {
    civil(at).map_or_else(|| "–".to_owned(), |local| local.strftime("%d/%m/%Y %H:%M").to_string())
}

/// The wall-clock date and time in Vietnam at `at`, or `None` outside the years -9999..9999.
#[must_use]
pub fn civil(at: Millis) -> Option<jiff::civil::DateTime> {
    jiff::Timestamp::from_millisecond(at.0).ok().map(|stamp| VIETNAM.to_datetime(stamp))
}

/// The instant of a wall-clock date and time in Vietnam.
#[must_use]
pub fn instant(local: jiff::civil::DateTime) -> Option<Millis> {
    VIETNAM.to_timestamp(local).ok().map(|stamp| Millis(stamp.as_millisecond()))
}

/// Reads RFC 3339 text with any offset. Text without an offset is taken as Vietnam's time.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(Millis(stamp.as_millisecond()));
    }
    text.parse::<jiff::civil::DateTime>().ok().filter(|_| text.contains('T')).and_then(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_with_vietnams_offset() {
        let at = parse_rfc3339("2026-03-02T07:35:32+07:00").unwrap();
        assert_eq!(rfc3339(at), "2026-03-02T07:35:32+07:00");
        assert_eq!(parse_rfc3339("2026-03-02T00:35:32Z"), Some(at));
        assert_eq!(parse_rfc3339("2026-03-02T07:35:32"), Some(at));
        assert_eq!(parse_rfc3339("2026-03-02T07:35"), parse_rfc3339("2026-03-02T07:35:00+07:00"));
        for wrong in ["", "2026-03-02", "yesterday", "2026-13-02T07:35:32+07:00"] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn people_read_day_first_and_no_seconds() {
        for (text, expected) in [
            ("2026-03-02T07:35:32+07:00", "02/03/2026 07:35"),
            ("2025-12-31T23:59:59+07:00", "31/12/2025 23:59"),
            ("2025-12-31T17:00:00Z", "01/01/2026 00:00"),
            ("0999-01-02T00:00:00+07:00", "02/01/0999 00:00"),
        ] {
            assert_eq!(for_people(parse_rfc3339(text).unwrap()), expected, "{text}");
        }
        assert_eq!(for_people(Millis(i64::MAX)), "–");
    }
}
