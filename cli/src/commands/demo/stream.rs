//! What happens in the demo, decided before it begins: who lodges what where, and how it will go. The same seed
//! gives the same stream. All people are made up, and nobody real can have their numbers (domain.md 8.4).

use serde_json::Value;
use serde_json::json;

/// The seed without `--seed`.
pub(crate) const SEED_DEFAULT: u64 = 20_260_302;

/// A commune that takes part.
#[derive(Clone, Debug)]
pub(crate) struct Commune {
    /// Its agency code.
    pub(crate) code: String,
    /// Its name for people.
    pub(crate) name: String,
    /// The national code of its commune.
    pub(crate) commune_code: String,
}

/// One dossier from its lodging to its end.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The seat that receives it and returns the result.
    pub(crate) lodged_at: String,
    /// The seats it is transferred to, in order. Empty for one that stays.
    pub(crate) route: Vec<String>,
    /// The seat on the route that is not competent and declines, where there is one.
    pub(crate) declined_by: Option<String>,
    /// Whether it is lodged only when the line is cut.
    pub(crate) is_late: bool,
    /// Whether the deciding office asks for a paper.
    pub(crate) asks_supplement: bool,
    /// Whether the citizen gets what was asked for.
    pub(crate) is_granted: bool,
    /// The line for `dossier lodge`.
    pub(crate) line: Value,
}

impl Plan {
    /// The seat that decides.
    pub(crate) fn decided_by(&self) -> &str {
        let last = self.route.iter().rfind(|seat| self.declined_by.as_ref() != Some(seat));
        last.unwrap_or(&self.lodged_at)
    }
}

/// The place among `communes` of the one whose line is cut.
pub(crate) fn cut_of(communes: usize) -> usize {
    usize::from(communes > 1)
}

/// The whole stream: `dossiers` of them among `communes` and the hosted `department`. The second half is lodged
/// when the line is cut; every third goes to another office; the first of those goes to the wrong one first.
pub(crate) fn plans(seed: u64, communes: &[Commune], department: &str, dossiers: u32) -> Vec<Plan> {
    let mut chance = Chance(seed);
    let late_from = dossiers / 2;
    let cut = cut_of(communes.len());
    (0..dossiers)
        .filter_map(|place| {
            let is_late = place >= late_from;
            // The cut office certainly lodges something for itself and something for another meanwhile.
            let is_of_cut = is_late && place < late_from + 3;
            let at = if is_of_cut { cut } else { chance.below(communes.len()) };
            let lodged_at = communes.get(at)?;
            let others: Vec<&str> = std::iter::once(department)
                .chain(communes.iter().map(|commune| commune.code.as_str()))
                .filter(|code| *code != lodged_at.code)
                .collect();
            let mut route: Vec<String> = Vec::new();
            let mut declined_by = None;
            if place % 3 == CROSSING {
                let to = *others.get(chance.below(others.len()))?;
                route.push(to.to_owned());
                if place == CROSSING {
                    declined_by = Some(to.to_owned());
                    // With one commune nobody else is left: it decides itself.
                    route.extend(others.iter().find(|code| **code != to).map(|code| (*code).to_owned()));
                }
            }
            let for_department = route.first().is_some_and(|to| to == department);
            let line = lodging(&mut chance, place, lodged_at, route.first(), for_department);
            Some(Plan {
                lodged_at: lodged_at.code.clone(),
                route,
                declined_by,
                is_late,
                asks_supplement: chance.below(5) == 0,
                is_granted: chance.below(12) != 0,
                line,
            })
        })
        .collect()
}

fn lodging(
    chance: &mut Chance,
    place: u32,
    at: &Commune,
    competent: Option<&String>,
    for_department: bool,
) -> Value {
    let choices = if for_department { DEPARTMENT_PROCEDURES } else { COMMUNE_PROCEDURES };
    let Procedure { code, summary, papers, has_fee } = chance.pick(choices);
    let papers: Vec<Value> = papers
        .iter()
        .map(|name| {
            let pages = 1 + chance.below(3);
            json!({"name": name, "kind": "original", "copies": 1, "pages": pages})
        })
        .collect();
    let mut line = json!({
        "request_id": format!("demo-{:05}", place + 1),
        "procedure": code,
        "competent": competent.unwrap_or(&at.code),
        "channel": if chance.below(10) == 0 { "post" } else { "direct" },
        "officer": format!("{}/03", at.code),
        "owner": citizen(chance, at),
        "summary": summary,
        "papers": papers,
        "return": {"at": at.code, "how": "counter"},
    });
    if has_fee && let Some(line) = line.as_object_mut() {
        line.insert("payment".to_owned(), json!({"method": "cash", "payer": "citizen"}));
    }
    line
}

/// Somebody who does not exist: ids with the marker range `9xxxxx`, phones `0999…`.
fn citizen(chance: &mut Chance, at: &Commune) -> Value {
    let is_female = chance.below(2) == 1;
    let year = 50 + chance.below(50);
    let family = chance.pick(&["Nguyễn", "Nguyễn", "Nguyễn", "Trần", "Trần", "Lê", "Phạm", "Hoàng", "Phan"]);
    let middle = if is_female {
        chance.pick(&["Thị", "Thị Thu"])
    } else {
        chance.pick(&["Văn", "Đức", "Hữu"])
    };
    let hamlet = chance.pick(&["Tân Tiến", "Đông Phong", "Hồng Hà"]);
    json!({
        "kind": "citizen",
        "name": format!("{family} {middle} Thử"),
        "id_type": "cccd",
        "id_no": format!("042{}{year:02}9{:05}", u8::from(is_female), chance.below(100_000)),
        "dob": format!("19{year:02}-{:02}-{:02}", 1 + chance.below(12), 1 + chance.below(28)),
        "sex": if is_female { "Nữ" } else { "Nam" },
        "phone": format!("0999{:06}", chance.below(1_000_000)),
        "address": {
            "text": format!("Thôn {hamlet}, {}, tỉnh Hà Tĩnh", at.name),
            "commune": at.commune_code,
            "province": "42",
        },
    })
}

/// Which of three dossiers goes to another office.
const CROSSING: u32 = 1;

#[derive(Clone, Copy)]
struct Procedure {
    code: &'static str,
    summary: &'static str,
    papers: &'static [&'static str],
    has_fee: bool,
}

const fn procedure(
    code: &'static str,
    summary: &'static str,
    papers: &'static [&'static str],
    has_fee: bool,
) -> Procedure {
    Procedure { code, summary, papers, has_fee }
}

/// Procedures of the sample directory that communes decide and any centre may receive.
const COMMUNE_PROCEDURES: &[Procedure] = &[
    procedure("1.001193", "Đăng ký khai sinh", &["Tờ khai theo mẫu", "Giấy chứng sinh"], false),
    procedure("1.000656", "Đăng ký khai tử", &["Tờ khai theo mẫu", "Giấy báo tử"], false),
    procedure("1.004873", "Xác nhận tình trạng hôn nhân", &["Tờ khai theo mẫu"], true),
    procedure("2.000815", "Chứng thực bản sao bằng tốt nghiệp", &["Bản chính bằng tốt nghiệp"], true),
    procedure("2.000635", "Cấp bản sao trích lục khai sinh", &["Tờ khai theo mẫu"], true),
    procedure("2.001035", "Chứng thực hợp đồng tặng cho", &["Dự thảo hợp đồng", "Giấy chứng nhận"], true),
    procedure("1.001776", "Trợ cấp xã hội hàng tháng", &["Tờ khai theo mẫu"], false),
];

/// Those that the hosted department decides.
const DEPARTMENT_PROCEDURES: &[Procedure] = &[
    procedure("2.000488", "Cấp phiếu lý lịch tư pháp số 1", &["Tờ khai theo mẫu"], true),
    procedure("2.001611", "Hồ sơ cấp tỉnh nộp tại xã", &["Đơn đề nghị"], false),
];

/// A stream of numbers that looks like chance and is the same for the same seed (SplitMix64).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when there is none.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// One of `choices`, which are never none.
    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let place = self.below(choices.len());
        #[expect(
            clippy::indexing_slicing,
            reason = "the place is below the length of a list that is not empty"
        )]
        choices[place]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn communes(count: usize) -> Vec<Commune> {
        (0..count)
            .map(|place| Commune {
                code: format!("H27.{}", 101 + place),
                name: format!("Xã Thử {place}"),
                commune_code: format!("{}", 18_000 + place),
            })
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_one_another() {
        let stream = |seed| {
            let plans = plans(seed, &communes(3), "H27.02", 30);
            plans.iter().map(|plan| plan.line.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
    }

    #[test]
    fn a_third_crosses_one_is_declined_and_the_cut_office_lodges() {
        for (count, dossiers) in [(1, 6), (2, 6), (3, 12), (3, 60), (10, 100)] {
            let communes = communes(count);
            let plans = plans(SEED_DEFAULT, &communes, "H27.02", dossiers);
            let case = format!("{count} communes, {dossiers} dossiers");
            assert_eq!(plans.len(), usize::try_from(dossiers).unwrap(), "{case}");
            let crossing = plans.iter().filter(|plan| !plan.route.is_empty()).count();
            assert_eq!(crossing, plans.len() / 3, "{case}");
            let declined: Vec<&Plan> = plans.iter().filter(|plan| plan.declined_by.is_some()).collect();
            assert_eq!(declined.len(), 1, "{case}");
            assert_ne!(Some(declined[0].decided_by()), declined[0].declined_by.as_deref(), "{case}");
            let cut = &communes[cut_of(count)].code;
            let late = plans.iter().filter(|plan| plan.is_late && plan.lodged_at == *cut);
            assert!(late.clone().any(|plan| plan.route.is_empty()), "{case}");
            assert!(late.clone().any(|plan| !plan.route.is_empty()), "{case}");
            assert!(plans.iter().all(|plan| !plan.route.contains(&plan.lodged_at)), "{case}");
        }
    }

    #[test]
    fn nobody_real_can_be_meant() {
        let plans = plans(SEED_DEFAULT, &communes(3), "H27.02", 200);
        let mut requests = BTreeSet::new();
        for plan in &plans {
            let owner = &plan.line["owner"];
            assert!(owner["name"].as_str().unwrap().ends_with("Thử"));
            let id = owner["id_no"].as_str().unwrap();
            assert!(id.len() == 12 && id.starts_with("042") && &id[6..7] == "9", "{id}");
            assert!(owner["phone"].as_str().unwrap().starts_with("0999"));
            assert!(requests.insert(plan.line["request_id"].as_str().unwrap().to_owned()));
        }
    }
}
