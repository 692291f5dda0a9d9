### Dòng lệnh.

not-in-this-version = Phiên bản này chưa có “{ $what }”.
    .rule = Mỗi phiên bản chỉ nhận việc mà nó làm được trọn vẹn.
    .next = Xem CHANGELOG.md để biết phiên bản này làm được gì.
said-rule = Quy định: { $rule }
said-next = Việc cần làm: { $next }
said-field = Trường: { $field }
said-option = Tùy chọn: { $field }
said-code = Mã lỗi: { $code }
said-line = Dòng { $line }

acts-title = Các thao tác:
acts-act = thao tác
acts-name = tên
acts-status = trạng thái
acts-who = ai được làm
acts-keys = dữ liệu kèm theo [tùy chọn]
acts-common-keys = Trường chung của mọi thao tác: { $keys }; number, act và officer là bắt buộc.
acts-later-note = T: dòng trong bảng chuyển trạng thái. Trạng thái: mã quốc gia 1-10, 0 là chưa tiếp nhận, * là bất kỳ. Dấu * sau thao tác: phiên bản này chưa có.
acts-who-receiver = đơn vị tiếp nhận
acts-who-holder = đơn vị đang giữ
acts-who-transfer-target = đơn vị được chuyển đến
acts-who-transfer-sender = đơn vị đã chuyển đi
acts-who-external-sender = đơn vị đã giao ra ngoài
acts-who-return-place = nơi trả kết quả
acts-who-competent = đơn vị có thẩm quyền
acts-who-party = đơn vị liên quan
acts-who-province = tỉnh
acts-who-holder-or-province = đơn vị đang giữ hoặc tỉnh

usage = Dòng lệnh không đúng.
    .next = Thêm --help để xem cách dùng.
usage-unknown-argument = Không có tùy chọn { $argument } ở lệnh này.
    .next = Thêm --help để xem các tùy chọn.
usage-unknown-command = Không có lệnh “{ $command }”.
    .next = Thêm --help để xem các lệnh.
usage-no-command = Chưa nói cần làm gì.
    .next = Thêm --help để xem các lệnh.
usage-missing = Còn thiếu { $argument }.
    .next = Thêm --help để xem cách dùng.
usage-conflict = { $argument } không dùng được cùng với { $other }.
    .next = Bỏ một trong hai.
usage-value = Giá trị của { $argument } không đúng dạng hoặc ngoài giới hạn.
    .next = Thêm --help để xem dạng, đơn vị và giới hạn.

dir-missing = Chưa biết thư mục dữ liệu của đơn vị.
    .next = Thêm --dir THƯ_MỤC hoặc đặt biến môi trường MOTCUA_DIR.
output-not-written = Không ghi được ra đầu ra chuẩn: { $cause }.
    .next = Kiểm tra đĩa hoặc nơi nhận kết quả rồi chạy lại; việc đã ghi vào kho vẫn còn.
internal-bug = Lỗi của chính chương trình ({ $place }, phiên bản { $version }).
    .next = Chạy lại: lúc khởi động chương trình tự kiểm tra và sửa. Nếu còn lỗi, báo cho nhóm phát triển dòng trên.

## Hướng dẫn dùng lệnh

help-heading-usage = Cách dùng:
help-heading-commands = Lệnh
help-heading-arguments = Tham số
help-heading-options = Tùy chọn
help-heading-everywhere = Dùng cho mọi lệnh
help-value-command = LỆNH
help-value-options = { "[" }TÙY CHỌN]
help-value-dir = THƯ_MỤC
help-value-file = TỆP
help-value-code = MÃ
help-value-text = CHỮ
help-value-number = MÃ_HỒ_SƠ
help-value-paper = GIẤY_TỜ
help-value-token = MÃ_CẤP_MÁY
help-value-request = TỆP_YÊU_CẦU
help-value-id = MÃ_MỤC
help-value-node = MÃ_MÁY
help-value-officer = MÃ_CÔNG_CHỨC
help-value-time = THỜI_ĐIỂM
help-value-name = TÊN
help-value-host = MÁY
help-value-addr = ĐỊA_CHỈ
help-value-port = CỔNG

help-motcua = Bộ phận Một cửa vẫn tiếp nhận và xử lý hồ sơ khi mất đường truyền về tỉnh.
help-motcua-more = Bắt đầu:
      tại tỉnh:  motcua --dir tinh province init --code H27 --name "Tỉnh thử" --sample
                 motcua --dir tinh serve
                 motcua --dir tinh enrol new --agency H27.101 --address MÁY:4272
      tại xã:    motcua --dir xa commune init --token MÃ_CẤP_MÁY
                 motcua --dir xa serve
                 motcua --dir xa dossier lodge --from ho-so.jsonl
    Mã thoát: 0 xong; 1 có sai lệch (verify, doctor); 2 bị từ chối, có lý do; 3 chưa liên lạc được, không mất gì; 4 máy này không làm được; 70 lỗi của chương trình.
help-help = Xem hướng dẫn này.
help-version = Xem phiên bản.
help-dir = Thư mục dữ liệu của đơn vị. Biến môi trường: MOTCUA_DIR.
help-witness = Tệp đối chứng, để ngoài thư mục dữ liệu. Mặc định: ~/.local/state/motcua/witness-MÃ_MÁY. Biến môi trường: MOTCUA_WITNESS.
help-lang = Ngôn ngữ của lời hiện ra: vi (mặc định) hoặc en. Biến môi trường: MOTCUA_LANG.
help-json = In kết quả dạng JSON ra đầu ra chuẩn; lời cho người đọc ra đầu ra lỗi.

help-demo = Chạy thử cả một tỉnh trên máy này: máy chủ tỉnh, các xã, một sở; cắt đường truyền rồi nối lại.
help-demo-headless = Tự kết thúc; mã thoát 0 chỉ khi mọi phép kiểm đều đạt.
help-demo-hold = Giữ đường truyền bị cắt và mọi máy chạy cho đến khi bấm Enter.
help-demo-communes = Số xã, 1-69. Mặc định: 3.
help-demo-dossiers = Số hồ sơ. Mặc định: 60.
help-demo-outage-s = Thời gian cắt đường truyền, tính bằng giây. Mặc định: 20.
help-demo-sabotage = Làm hỏng một bản sao (replica), một mã hồ sơ (number) hoặc một xác nhận của tỉnh (proof); khi đó chạy thử phải thất bại.
help-demo-seed = Số gieo cho dòng hồ sơ thử; cùng số thì cùng hồ sơ. Mặc định: 20260302.

help-province = Tạo máy chủ tỉnh.
help-province-init = Tạo thư mục dữ liệu của máy chủ tỉnh.
help-province-init-code = Mã định danh của tỉnh, ví dụ H27.
help-province-init-name = Tên tỉnh.
help-province-init-directory = Tệp danh mục ban đầu.
help-province-init-sample = Dùng danh mục mẫu có sẵn; mọi trang và bản in mang dòng "DỮ LIỆU THỬ" mãi mãi.

help-directory = Danh mục: cơ quan, thủ tục, lịch làm việc, công chức.
help-directory-check = Kiểm tra tệp danh mục; nêu mọi lỗi kèm dòng và trường.
help-directory-check-file = Tệp danh mục.
help-directory-import = Nhập tệp danh mục làm bản dự thảo.
help-directory-import-file = Tệp danh mục.
help-directory-publish = Công bố bản dự thảo thành phiên bản mới có chữ ký và ngày hiệu lực.
help-directory-publish-effective-at = Thời điểm có hiệu lực, RFC 3339, ví dụ 2026-03-02T00:00:00+07:00. Mặc định: ngay bây giờ.
help-directory-show = Xem một tệp danh mục hoặc phiên bản đang có hiệu lực ở đây, dưới dạng tệp có thể sửa rồi nhập lại.
help-directory-show-file = Tệp danh mục. Mặc định: phiên bản đang có hiệu lực.

help-enrol = Cấp máy: máy trạm Một cửa của các xã.
help-enrol-new = Tạo mã cấp máy, dùng một lần, cho một máy của đơn vị.
help-enrol-new-agency = Mã định danh của đơn vị, ví dụ H27.101.
help-enrol-new-address = Địa chỉ và cổng để máy trạm gọi về máy chủ tỉnh.
help-enrol-new-valid-h = Thời hạn của mã, tính bằng giờ. Mặc định: 24; với --pack là 720, vì yêu cầu đi bằng USB.
help-enrol-new-pack = Ghi tệp niêm phong cho máy có thể chưa có đường truyền.
help-enrol-grant = Trả lời yêu cầu cấp máy mang đến bằng USB.
help-enrol-grant-request = Tệp yêu cầu.
help-enrol-grant-out = Tệp trả lời sẽ ghi ra.
help-enrol-list = Danh sách máy, lần liên lạc cuối và chứng thư.
help-enrol-ban = Cấm hẳn một máy bị mất hoặc hỏng; sau đó đơn vị được cấp máy khác.
help-enrol-ban-node = Mã máy: 32 chữ số thập lục phân.
help-enrol-ban-why = Lý do. Mọi máy trong tỉnh đều lưu: không ghi dữ liệu cá nhân.
help-enrol-ban-suspect-from = Thời điểm bắt đầu nghi ngờ, RFC 3339; dữ liệu của máy đến tỉnh từ đó được liệt kê và đánh dấu để xem lại. Mặc định: không đánh dấu.

help-commune = Tạo máy trạm Một cửa của một xã.
help-commune-init = Tạo thư mục dữ liệu của máy trạm xã.
help-commune-init-token = Mã cấp máy, dùng một lần, do tỉnh cấp ("mc1-…").
help-commune-init-pack = Tệp niêm phong do tỉnh cấp, khi chưa có đường truyền.
help-commune-init-request = Tệp yêu cầu sẽ ghi ra để mang về tỉnh.
help-commune-init-grant = Tệp trả lời của tỉnh.

help-serve = Chạy máy chủ tỉnh hoặc máy xã, tùy thư mục dữ liệu. Dừng bằng Ctrl+C hoặc SIGTERM, trong 5 giây.
help-serve-listen = Địa chỉ và cổng QUIC mà máy chủ tỉnh nghe; cổng 0: để hệ thống chọn. Mặc định: 0.0.0.0:4272.
help-serve-http = Địa chỉ và cổng của trang làm việc tại quầy. Mặc định: không mở.
help-serve-no-sync = Không tự gọi về tỉnh.

help-dossier = Hồ sơ: tiếp nhận, thao tác, xem, tìm, xuất.
help-dossier-lodge = Tiếp nhận hồ sơ, mỗi dòng JSON một hồ sơ; chỉ in kết quả sau khi đã ghi chắc chắn xuống đĩa.
help-dossier-lodge-more = Một dòng mẫu:
      { "{" }"request_id":"q1-0001","procedure":"1.001193","officer":"H27.102/02","owner":{ "{" }"name":"Nguyễn Văn Thử","id_type":"cccd","id_no":"042090900001","dob":"1990-02-28"{ "}" },"fields":{ "{" }{ "}" },"papers":[{ "{" }"name":"Tờ khai","kind":"original","copies":1{ "}" }]{ "}" }
    Bắt buộc: procedure, officer, owner.name và những gì thủ tục yêu cầu. Mã hồ sơ, ngày hẹn trả và phí do máy tính. Gửi lại cùng request_id thì được đúng hồ sơ cũ.
    Dòng sai được trả lời riêng, các dòng khác vẫn được ghi.
help-dossier-lodge-from = Tệp các dòng JSON, hoặc - là đầu vào chuẩn.
help-dossier-lodge-historic = Nhập bù: lấy thời điểm ghi trong dòng và đánh dấu như vậy.
help-dossier-act = Thực hiện thao tác trên hồ sơ, mỗi dòng JSON một thao tác.
help-dossier-act-more = Một dòng mẫu:
      { "{" }"number":"H27.102-260302-0690001","act":"transfer","to":"H27.101","officer":"H27.102/02","note":"…"{ "}" }
help-dossier-act-from = Tệp các dòng JSON, hoặc - là đầu vào chuẩn.
help-dossier-act-historic = Nhập bù: lấy thời điểm ghi trong dòng và đánh dấu như vậy.
help-dossier-show = Xem trọn một hồ sơ.
help-dossier-show-number = Mã hồ sơ, ví dụ H27.101-260302-0690001.
help-dossier-list = Danh sách và tìm kiếm hồ sơ, không cần dấu.
help-dossier-list-status = Chỉ trạng thái quốc gia này, 1-10. Mặc định: mọi trạng thái.
help-dossier-list-holder = Chỉ hồ sơ do đơn vị này giữ, ví dụ H27.101. Mặc định: mọi đơn vị.
help-dossier-list-overdue = Chỉ hồ sơ quá hạn.
help-dossier-list-needs-person = Chỉ hồ sơ chờ người quyết định.
help-dossier-list-query = Từ cần tìm, có dấu hoặc không dấu.
help-dossier-list-limit = Số hồ sơ nhiều nhất. Mặc định: không giới hạn.
help-dossier-acts = Bảng thao tác: ai làm được gì, khi nào, kèm dữ liệu gì.
help-dossier-acts-help = Xem bảng thao tác; thêm --json để lấy dạng JSON.
help-dossier-export = Xuất mọi hồ sơ máy này giữ, thứ tự và dạng thống nhất; hai bản sao khớp nhau in ra giống nhau từng byte.

help-sync = Trao đổi với tỉnh: gửi, nhận, còn gì chờ.
help-sync-now = Gửi và nhận với tỉnh một lần, ngay bây giờ. Mã thoát 3: chưa xong, không mất gì.
help-sync-now-wait-s = Thời gian chờ phiên kết thúc, tính bằng giây. Mặc định: 60.
help-sync-now-scrub = So sánh toàn bộ, không chỉ phần mới.
help-sync-status = Dữ liệu đang chờ, chờ từ khi nào, xác nhận cuối của tỉnh.

help-quarantine = Ở máy chủ tỉnh: dữ liệu đã giữ lại mà chưa áp dụng, chờ người quyết định.
help-quarantine-list = Danh sách dữ liệu đang giữ lại.
help-quarantine-release = Cho áp dụng.
help-quarantine-release-ids = Mã của các mục.
help-quarantine-release-machine = Mọi mục của máy này: 32 chữ số thập lục phân.
help-quarantine-void = Cho áp dụng và đánh dấu không có hiệu lực.
help-quarantine-void-ids = Mã của các mục.
help-quarantine-refuse = Không nhận.
help-quarantine-refuse-id = Mã của mục.
help-quarantine-refuse-why = Lý do.

help-condition = Các điều kiện mà "motcua sync status" báo.
help-condition-dismiss = Xóa một điều kiện sau khi đã hiểu và xử lý; nguyên nhân xuất hiện lại thì báo lại.
help-condition-dismiss-code = Mã điều kiện, như "motcua sync status --json" cho biết.
help-condition-dismiss-subject = Đối tượng của điều kiện. Mặc định: mọi điều kiện cùng mã.

help-scan = Bản quét của giấy tờ.
help-scan-add = Thêm bản quét cho một giấy tờ.
help-scan-add-number = Mã hồ sơ.
help-scan-add-paper = Khóa của giấy tờ trong hồ sơ.
help-scan-add-file = Tệp bản quét.
help-scan-list = Danh sách bản quét, trạng thái và tiến độ.

help-bundle = Trao đổi bằng USB.
help-bundle-export = Ghi phần mà bên kia chưa có.
help-bundle-export-out = Tệp sẽ ghi ra (hoặc phần đầu tiên).
help-bundle-export-part-mb = Cỡ lớn nhất của mỗi phần, tính bằng MB; không quá 192. Mặc định: 64.
help-bundle-export-node = Tại tỉnh: mã của máy sẽ nhận.
help-bundle-export-agency = Tại tỉnh: mã đơn vị có máy sẽ nhận.
help-bundle-inspect = Xem tệp USB chứa gì.
help-bundle-inspect-file = Tệp USB.
help-bundle-import = Nhận tệp USB; nhận lại lần nữa cũng không sao.
help-bundle-import-file = Tệp USB.

help-backup = Sao lưu và phục hồi.
help-backup-create = Sao lưu trong khi đơn vị vẫn làm việc.
help-backup-create-out = Tệp sao lưu sẽ ghi ra.
help-backup-restore = Phục hồi vào thư mục trống.
help-backup-restore-file = Tệp sao lưu.
help-backup-restore-grant = Tệp trả lời của tỉnh, khi máy này không có khóa mở bản sao. Mặc định: máy cũ, không cần.
help-backup-restore-request = Trên máy không có khóa: tệp yêu cầu sẽ ghi cho tỉnh. Chưa phục hồi gì.
help-backup-restore-keys = Thư mục có phần "identity" mở được bản sao: thư mục cũ của máy, hoặc của tỉnh. Mặc định: phần đó trong --dir.
help-backup-verify-keys = Thư mục có phần "identity" mở được bản sao. Mặc định: của --dir.
help-backup-verify = Kiểm tra bản sao: không có khóa thì xem còn nguyên vẹn, có khóa thì xem cả bên trong.
help-backup-verify-file = Tệp sao lưu.

help-person = Công chức của đơn vị.
help-person-list = Danh sách công chức.
help-person-add = Thêm công chức.
help-person-add-officer = Mã công chức, ví dụ H27.102/02.
help-person-reset = Cấp lại mã bí mật cho công chức.
help-person-reset-officer = Mã công chức, ví dụ H27.102/02.
help-person-disable = Khóa tài khoản của công chức.
help-person-disable-officer = Mã công chức, ví dụ H27.102/02.

help-verify = Kiểm tra dữ liệu trên máy này có còn nguyên vẹn không. Mã thoát 1: có sai lệch.
help-rebuild = Dựng lại các bảng từ nhật ký, khi verify báo bảng sai. Cần dừng serve trước.
help-doctor = Tìm những gì người ở đây tự sửa được. Mã thoát 1: có việc cần làm.
help-doctor-line = Kiểm tra cả đường truyền về tỉnh.
help-bench = Đo hiệu năng.
help-bench-wire = Cho khối lượng mẫu chạy qua hai bản sao: byte, lượt, giây, bộ nhớ.
help-bench-wire-ops = Tệp khối lượng mẫu (bench/gen.py).
help-bench-wire-day = Tệp của thêm một ngày: hồ sơ mới một chiều, thao tác của tỉnh chiều kia.
help-bench-wire-boots = Số lần khởi động chương trình của đơn vị trong khối lượng công việc. Mặc định: 1.
help-bench-link = Đường truyền yếu.
help-bench-store = Ghi, danh sách, tìm kiếm, khởi động và bộ nhớ với 100.000 hồ sơ.

bench-s1 = S1 xã không có đường truyền
bench-s2 = S2 không có gì mới
bench-s3 = S3 một ngày
bench-s4 = S4 máy thay thế
bench-column-up = kB lên
bench-column-down = kB xuống
bench-column-sum = kB
bench-column-thin = kB đường hẹp
bench-column-trips = lượt đi về
bench-column-seconds = giây
bench-column-memory = MB cho phiên
bench-column-automerge = × ít hơn Automerge
bench-column-zstd = × ít hơn zstd -19
bench-progress = { $done } trên { $all } thao tác
bench-dossiers = S1: { $first } hồ sơ, { $second } thay đổi.
bench-packing = S1: đóng gói { $first } ms, mở gói { $second } ms.
bench-bundle = S1 ở dạng gói USB: { $first } kB, chưa niêm phong.
bench-first = S4: hồ sơ đang giải quyết đầu tiên dùng được sau { $first } kB, { $second } % tổng số.
bench-directory = Danh mục { $first } kB, không tính ở trên.
bench-ops = Không dùng được tệp công việc { $path }: { $cause }.
    .next = Tạo tệp bằng bench/gen.py.

## Chạy thử

demo-child-failed = Một tiến trình của phần chạy thử không làm đúng việc: “{ $what }” (mã thoát { $code }). { $told }
    .next = Xem các tệp .log trong thư mục chạy thử; báo cho nhóm phát triển.
demo-child-silent = Một tiến trình của phần chạy thử không xong trong { $seconds } giây: “{ $what }”.
    .next = Máy có thể quá bận: chạy lại; nếu còn, xem các tệp .log trong thư mục chạy thử.
demo-no-place = Máy này không chạy thử được: { $cause }.
    .next = Kiểm tra thư mục tạm (TMPDIR), đĩa còn trống và quyền ghi rồi chạy lại.
demo-not-even = Sau { $seconds } giây vẫn chưa xong: { $what }.
    .next = Xem các tệp .log trong thư mục chạy thử; báo cho nhóm phát triển.
demo-interrupted = Đã dừng phần chạy thử theo yêu cầu.
    .next = Mọi máy đã dừng, thư mục tạm đã xóa. Chạy lại khi cần.
demo-kept = Thư mục chạy thử được giữ lại để xem: { $place }
demo-told-start = Chạy thử với { $dossiers } hồ sơ, dữ liệu giả, số gieo { $seed }.
demo-told-province = Máy chủ { $name } chạy tại { $address }; { $department } làm việc trên máy chủ này.
demo-told-commune = { $name } ({ $code }) đã nhận mã dùng một lần, có chứng thư và bắt đầu làm việc.
demo-told-no-pages = Trang làm việc tại quầy sẽ có ở phiên bản sau; ở đây mọi việc làm bằng dòng lệnh.
demo-told-did = { $name }: { $did }
demo-told-cut = Cắt đường truyền của { $name } trong { $seconds } giây; quầy vẫn tiếp nhận và xử lý.
demo-told-cut-held = Cắt đường truyền của { $name }; quầy vẫn tiếp nhận và xử lý. Bấm Enter để nối lại.
demo-told-restored = Nối lại đường truyền của { $name }. Khi mất đường truyền đã tiếp nhận { $lodged } hồ sơ và làm { $acts } việc.
demo-told-even = { $name } đã gửi hết về tỉnh sau { $seconds } giây.
demo-told-running = Các máy vẫn đang chạy. Bấm Enter để kết thúc.
demo-did-receive = tiếp nhận { $count }
demo-did-transfer = chuyển đi { $count }
demo-did-take-over = nhận chuyển { $count }
demo-did-decline = trả lại vì không đúng thẩm quyền { $count }
demo-did-request-supplement = yêu cầu bổ sung { $count }
demo-did-receive-supplement = nhận bổ sung { $count }
demo-did-finish = kết thúc { $count }
demo-did-return = trả kết quả { $count }
demo-waits-transfer = mọi hồ sơ chuyển đi đã được nhận
demo-waits-cut = đường truyền thật sự bị cắt
demo-waits-line = đơn vị bị cắt đường truyền đã gửi hết về tỉnh
demo-waits-return = mọi kết quả đã được trả tại nơi nộp
demo-waits-even = mọi máy khớp với tỉnh
demo-figures = { $dossiers } hồ sơ, { $acts } việc.
demo-figures-line = Qua các đường truyền: { $up } kB gửi lên, { $down } kB gửi xuống (cả TLS và QUIC). Thời gian: { $seconds } giây.
demo-figures-digest = { $name }: { $dossiers } hồ sơ, mã tổng hợp { $digest }…
demo-oracle-holds = ĐẠT   { $name }: { $what } ({ $detail })
demo-oracle-broken = KHÔNG { $name }: { $what } ({ $detail })
demo-oracle-lodged = mọi hồ sơ đã tiếp nhận đều có ở tỉnh
demo-oracle-returned = mọi hồ sơ do nơi có thẩm quyền giải quyết, kết quả trả tại nơi nộp
demo-oracle-replica = bản của xã và của tỉnh giống nhau từng byte
demo-oracle-entitled = mỗi xã có đủ và chỉ có hồ sơ của mình
demo-oracle-number = không mã hồ sơ nào bị cấp hai lần
demo-oracle-proof = mỗi xã giữ xác nhận mới nhất của tỉnh, không còn gì chờ
demo-oracle-verify = verify không thấy sai lệch ở máy nào
demo-oracle-outage = đơn vị mất đường truyền vẫn tiếp nhận và xử lý
demo-oracle-outage-detail = tiếp nhận { $lodged }, làm { $acts } việc; khi đó tỉnh biết { $known }, mất { $lost } gói tin
