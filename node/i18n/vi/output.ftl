### Kết quả của các lệnh, cho người đọc. Ngày giờ dd/MM/yyyy HH:mm, tiền 8.000 đ.

## Chung

never = chưa lần nào
watermark-line = *** { $watermark } ***
agency-named = { $name } ({ $code })
officer-named = { $name } ({ $code })

## Trạng thái quốc gia của hồ sơ

status-0 = Chưa tiếp nhận
status-1 = Mới đăng ký
status-2 = Được tiếp nhận
status-3 = Không được tiếp nhận
status-4 = Đang xử lý
status-5 = Yêu cầu bổ sung giấy tờ
status-6 = Yêu cầu thực hiện nghĩa vụ tài chính
status-7 = Công dân yêu cầu rút hồ sơ
status-8 = Dừng xử lý
status-9 = Đã xử lý xong
status-10 = Đã trả kết quả

## Thao tác

kind-receive = Tiếp nhận
kind-mark = Tỉnh đánh dấu
kind-register-online = Ghi nhận hồ sơ trực tuyến
kind-accept-online = Tiếp nhận hồ sơ trực tuyến
kind-ask-before-receipt = Yêu cầu bổ sung trước tiếp nhận
kind-refuse-receipt = Từ chối tiếp nhận
kind-assign = Phân công xử lý
kind-move-step = Chuyển bước xử lý
kind-transfer = Chuyển cơ quan có thẩm quyền
kind-take-over = Nhận hồ sơ chuyển đến
kind-decline = Trả lại hồ sơ chuyển đến
kind-recall = Thu hồi
kind-hand-over-external = Bàn giao cơ quan ngoài
kind-receive-result-external = Nhận kết quả của cơ quan ngoài
kind-take-back-external = Lấy lại từ cơ quan ngoài
kind-reassign = Tỉnh giao lại
kind-request-supplement = Yêu cầu bổ sung
kind-receive-supplement = Hoàn thành bổ sung
kind-expire-supplement = Quá hạn bổ sung
kind-request-payment = Yêu cầu thu phí, lệ phí
kind-confirm-payment = Xác nhận đã thu
kind-waive-fee = Miễn phí
kind-refund = Hoàn phí
kind-cancel-receipt = Hủy biên lai
kind-request-withdrawal = Đề nghị rút hồ sơ
kind-accept-withdrawal = Cho rút hồ sơ
kind-stop = Dừng giải quyết
kind-resume = Khôi phục giải quyết
kind-extend = Xin lỗi và gia hạn
kind-submit-for-signature = Trình ký
kind-sign = Ký
kind-issue = Ban hành
kind-finish = Kết thúc xử lý
kind-receive-result = Nhận kết quả giấy
kind-return-result = Trả kết quả
kind-send-by-post = Gửi kết quả qua bưu chính
kind-note = Ghi chú
kind-attach-paper = Thêm giấy tờ
kind-correct-field = Đính chính
kind-attest = Lãnh đạo xác nhận
kind-link = Liên kết hồ sơ
kind-rate = Đánh giá mức độ hài lòng
kind-settle = Xử lý sai khác
kind-replace-number = Cấp mã hồ sơ thay thế
kind-send-paper = Gửi hồ sơ giấy
kind-receive-paper = Nhận hồ sơ giấy

standing-repeated = trùng, chỉ tính một lần
standing-too-late = đến muộn
standing-void = không có hiệu lực
standing-contested = chờ quyết định
standing-set-aside = không được chọn
standing-unknown = chưa tính được ở đây

## Nơi đang giữ hồ sơ

custody-held = { $holder }
custody-in-transit = đang chuyển từ { $from } đến { $to }
custody-outside = { $agency } (do { $by } bàn giao)
custody-to-return = có kết quả, chờ trả tại { $place }
custody-closed = không đơn vị nào; hồ sơ đã kết thúc

## Tạo máy, cấp máy

done-province-init = Đã tạo máy chủ { $name }. Danh mục phiên bản 1 có hiệu lực ngay.
    Mã máy: { $node }
    Việc tiếp theo:
      motcua --dir { $dir } serve
      motcua --dir { $dir } enrol new --agency MÃ_ĐƠN_VỊ --address ĐỊA_CHỈ_MÁY_NÀY:4272
done-commune-init = Máy của { $name } ({ $seat }) đã được cấp và nhận danh mục của tỉnh.
    Từ bây giờ máy tiếp nhận và xử lý được hồ sơ, kể cả khi không có đường truyền.
    Việc tiếp theo:
      motcua --dir { $dir } serve
done-enrol-new = Mã cấp máy cho { $agency }, dùng một lần, đến { $until }:
    { $token }
    Tại máy của đơn vị, chạy:
      motcua --dir THƯ_MỤC commune init --token MÃ_CẤP_MÁY
done-enrol-list = { $count } máy.
enrol-line = { $agency }  máy { $node }  liên lạc cuối: { $last }
enrol-line-banned = { $agency }  máy { $node }  ĐÃ CẤM từ { $at }: { $why }
done-enrol-ban = Đã cấm máy { $node } của { $agency }: tỉnh không nhận gì thêm từ máy này. Những gì tỉnh đã nhận vẫn giữ nguyên.
enrol-ban-suspect = Số hồ sơ có dữ liệu của máy này gửi đến từ { $from }, cần người xem lại: { $count }.
enrol-ban-marked = { $number }: đã đánh dấu để xem lại
enrol-ban-unmarked = { $number }: chưa đánh dấu được, vẫn cần xem lại
enrol-ban-kept = Số mục của máy này đang giữ lại, chưa áp dụng: { $count }. Quyết định bằng "motcua quarantine list" và "motcua quarantine release --machine { $node }".
enrol-ban-codes = Số mã cấp máy chưa dùng của đơn vị này không còn hiệu lực: { $count }.
enrol-ban-next = Để cấp máy khác cho đơn vị, chạy trên máy chủ này:
      motcua enrol new --agency { $code } --address ĐỊA_CHỈ_MÁY_NÀY:4272
enrol-ban-basis = Tỉnh đã cấm máy ghi các thao tác này: { $why }. Cần người xem lại; trong khi chờ, các thao tác vẫn có hiệu lực.

serve-ready-province = Máy chủ tỉnh đang chạy, nhận máy xã tại { $address }. Ctrl+C để dừng.
serve-ready-commune = Máy của xã đang chạy và tự trao đổi với tỉnh khi có đường truyền. Ctrl+C để dừng.
serve-ready-no-sync = Máy của xã đang chạy, không tự gọi về tỉnh (--no-sync). Ctrl+C để dừng.
serve-stopped = Đã dừng. Mọi việc đã ghi vẫn còn.

## Danh mục

directory-fault-line = { $message } (trường: { $field })
directory-faults = { $count } lỗi. Chưa có gì được nhập.
directory-summary = Danh mục { $name }: { $agencies } cơ quan, { $procedures } thủ tục, { $officers } công chức.
    Mã kiểm: { $hash }
directory-checked = Không có lỗi.
directory-in-force = Phiên bản { $version }, có hiệu lực từ { $at }.
directory-imported = Đã nhập làm bản dự thảo. Công bố bằng "motcua directory publish".
directory-published = Đã công bố danh mục phiên bản { $version }, có hiệu lực từ { $at }.

## Hồ sơ

done-lodge = Tiếp nhận thành công. Mã hồ sơ: { $number }
    Ngày hẹn trả: { $due }
    Mã tra cứu: { $code }
    Phí, lệ phí: { $fee }
done-act = { $number }: đã ghi. Trạng thái: { $status }. Nơi đang giữ: { $custody }.
done-lines = Đã ghi { $done } dòng, từ chối { $refused } dòng.
due-none = thủ tục không quy định thời hạn
done-list = { $count } hồ sơ.
done-list-part = Hiện { $shown } trong { $matching } hồ sơ.
list-needs-person = CẦN NGƯỜI XEM
list-heading-number = Mã hồ sơ
list-heading-due = Ngày hẹn trả
list-heading-holder = Nơi giữ
list-heading-status = Trạng thái
list-heading-owner = Chủ hồ sơ

show-procedure = Thủ tục
show-receiving = Đơn vị tiếp nhận
show-competent = Đơn vị giải quyết
show-return-at = Nơi trả kết quả
show-custody = Nơi đang giữ hồ sơ
show-assignee = Người xử lý
show-received = Ngày tiếp nhận
show-due = Ngày hẹn trả
show-finished = Ngày kết thúc xử lý
show-returned = Ngày trả kết quả
show-code = Mã tra cứu
show-ladder = Đã đi đến đâu
show-fields = Nội dung
show-papers = Giấy tờ
show-acts = Nhật ký xử lý
show-items = Cần người xem
show-paper = { $name } ({ $kind }, { $count } bản)
show-act-id = mã thao tác: { $id }
show-note = ghi chú: { $note }
show-reason = lý do: { $reason }
show-basis = căn cứ: { $basis }
show-to = đến: { $to }
show-assigned = cho: { $assignee }
show-step = bước: { $step }
step-named = { $name } ({ $code })
show-result-granted = kết quả: đồng ý
show-result-refused = kết quả: không đồng ý
show-changed-field = ô: { $field }
show-occurred = thời điểm thực tế: { $at }
show-historic = nhập bù
show-not-computable = Hồ sơ có phần do phiên bản phần mềm mới hơn ghi; trạng thái ở đây chưa tính được. Hãy cập nhật phần mềm.

paper-kind-original = bản chính
paper-kind-copy = bản sao
paper-kind-electronic = bản điện tử
paper-kind-shown = chỉ xuất trình

ladder-saved = Đã lưu tại máy của đơn vị
ladder-at-province = Tỉnh đã có
ladder-proved = Tỉnh đã có (xác nhận của tỉnh số { $proof })
ladder-taken-over = { $seats } đã nhận
ladder-taken-over-nobody = Đơn vị giải quyết đã nhận
ladder-decided = Có kết quả
ladder-returned = Đã trả kết quả
ladder-not-yet = { $step } (chưa)

item-contested-acts = Có thao tác làm riêng rẽ khi mất đường truyền và không thể cùng được tính. { $settle_by ->
        [none] Tỉnh
       *[other] { $settle_by } hoặc tỉnh
    } chọn bên được tính bằng thao tác settle.
item-contested-field = Ô "{ $field }" có { $count } giá trị khác nhau. Đơn vị đang giữ chọn một giá trị bằng thao tác settle.
item-duplicate-number = { $count } hồ sơ mang cùng mã này (máy đã được chép lại). Báo tỉnh để cấp mã thay thế.

## Các ô của hồ sơ

box-summary = Trích yếu
box-kind = Loại chủ hồ sơ
box-name = Họ và tên
box-id-type = Loại giấy tờ
box-id-no = Số giấy tờ
box-dob = Ngày sinh
box-sex = Giới tính
box-phone = Số điện thoại
box-email = Thư điện tử
box-address-text = Địa chỉ
box-address-commune = Mã xã, phường
box-address-province = Mã tỉnh
box-authorisation = Giấy ủy quyền
box-of-owner = Chủ hồ sơ – { $box }
box-of-submitter = Người nộp – { $box }

## Trao đổi với tỉnh

done-sync-converged = Máy này và tỉnh đã khớp nhau. { $proof ->
        [none] Tỉnh chưa gửi xác nhận.
       *[other] Xác nhận của tỉnh số { $proof }, lúc { $at }.
    }
    Đã gửi { $sent } mục, nhận { $received } mục ({ $bytes_up } byte lên, { $bytes_down } byte xuống).
done-sync-compared = Đã so sánh từng mục do máy khác ghi với tỉnh; phần còn thiếu ở đây đã nhận về.
done-sync-partial = Chưa trao đổi hết với tỉnh; dữ liệu không mất gì, phần còn lại sẽ gửi tiếp.
    Đã gửi { $sent } mục, nhận { $received } mục ({ $bytes_up } byte lên, { $bytes_down } byte xuống). { $proof ->
        [none] Chưa có xác nhận nào của tỉnh.
       *[other] Xác nhận gần nhất của tỉnh: số { $proof }, lúc { $at }.
    }
sync-online = Đang nối với tỉnh.
sync-offline = Chưa có đường truyền về tỉnh. Vẫn tiếp nhận, in và trả kết quả bình thường.
sync-fault = Lần gọi gần nhất: { $text }
sync-not-serving = "motcua serve" không chạy trên thư mục này nên không tự gửi về tỉnh. Gửi một lần bằng "motcua sync now".
sync-is-province = Đây là máy chủ tỉnh: các máy xã gọi về đây.
sync-waiting = Chờ gửi: { $count } hồ sơ ({ $changes } thay đổi), cũ nhất từ { $since }. Dữ liệu đã lưu an toàn tại máy này.
sync-all-proved = Tỉnh đã có tất cả đến { $at }.
sync-nothing = Chưa có gì để gửi.
sync-proof = Xác nhận gần nhất của tỉnh: số { $number }, lúc { $at }.
sync-no-proof = Chưa có xác nhận nào của tỉnh.
sync-kept = Ở tỉnh, trong dữ liệu máy này đã gửi: { $waiting } mục chờ phần đi trước, { $quarantined } mục giữ lại chờ người quyết định, { $refused } mục không nhận.
sync-person = { $count } hồ sơ cần người xem: "motcua dossier list --needs-person".
sync-nobody = Không có hồ sơ nào cần người xem.
sync-condition = CHÚ Ý, từ { $since }: { $text }

## Dữ liệu giữ lại ở tỉnh

done-condition-dismiss = Đã xóa { $count } điều kiện.
done-quarantine-refuse = Mục { $id } không được nhận. Máy đã gửi sẽ biết ở lần đồng bộ tới và tự làm lại phần sau đó.
done-quarantine-list = { $count } mục.
quarantine-line = Mục { $id }, đến lúc { $at }, từ { $seat }, { $state }: { $reason }
quarantine-waits = đang giữ lại
quarantine-refused = không nhận
quarantine-machine-unknown = máy không rõ
done-quarantine-void = Đã áp dụng { $count } mục và đánh dấu không có hiệu lực.
done-quarantine-release = Đã áp dụng { $count } mục.
quarantine-released-waits = Mục { $id } chờ dữ liệu mà nó dựa trên; sẽ được áp dụng khi dữ liệu đó đến hoặc được cho áp dụng.
quarantine-released-kept = Mục { $id } vẫn giữ lại: { $reason } Nếu vẫn muốn áp dụng, cho áp dụng lần nữa theo mã của mục.
quarantine-released-refused = Không áp dụng được mục { $id }: { $reason }
quarantine-void-basis = Tỉnh quyết định: dữ liệu giữ lại được áp dụng và đánh dấu không có hiệu lực.

## Kiểm tra

done-verify-clean = Đã kiểm tra: không thấy sai lệch.
done-verify-findings = Thấy { $count } sai lệch:
done-verify-reissued = { $count } thay đổi (nhật ký rẽ nhánh, hoặc sau một mục bị từ chối) đã được ghi lại trong nhật ký khác; "motcua dossier show" cho biết mã cũ của thao tác.
done-rebuild = Đã dựng lại bảng của { $count } hồ sơ từ nhật ký.

## Giá trị của các ô

value-citizen = công dân
value-business = doanh nghiệp
value-organisation = tổ chức
value-household = hộ gia đình, hộ kinh doanh
value-agency = cơ quan nhà nước
value-cccd = căn cước, căn cước công dân
value-passport = hộ chiếu
value-child = số định danh của trẻ em
value-other = giấy tờ khác
