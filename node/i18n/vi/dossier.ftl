# Hồ sơ: vì sao một thao tác được tính, chưa được tính hoặc không làm được. `.past` là cách nói trong nhật ký xử lý.

act-not-holder = { $holder ->
        [none] Hồ sơ đã kết thúc, không đơn vị nào đang giữ, nên không làm được thao tác "{ $act }".
       *[other] Hồ sơ đang ở { $holder } (hoặc đang được chuyển đến đó) nên đơn vị này không làm được thao tác "{ $act }".
    }
    .past = Đơn vị làm thao tác không giữ hồ sơ.
    .rule = Chỉ đơn vị đang giữ hồ sơ được làm thay đổi trạng thái (bảng quyền giữ hồ sơ; NĐ 118/2025/NĐ-CP).
    .next = { $holder ->
        [none] Vẫn có thể ghi chú; việc mới cần hồ sơ mới.
       *[other] Chờ hoặc liên hệ { $holder }; vẫn có thể ghi chú.
    }
act-not-transferred-here = { $holder ->
        [none] Hồ sơ đã kết thúc, không được chuyển đến đơn vị này.
       *[other] Hồ sơ không được chuyển đến đơn vị này; { $holder } đang giữ hoặc đang được chuyển đến.
    }
    .past = Hồ sơ không được chuyển đến đơn vị làm thao tác.
    .rule = Chỉ đơn vị được chuyển đến mới nhận hoặc trả lại hồ sơ được chuyển.
    .next = Kiểm tra mã hồ sơ và nơi được chuyển đến bằng "motcua dossier show".
act-not-sent-from-here = Không thu hồi được: hồ sơ không do đơn vị này chuyển đi, hoặc nơi nhận đã nhận.
    .past = Hồ sơ không do đơn vị này chuyển đi, hoặc nơi nhận đã nhận.
    .rule = Chỉ đơn vị chuyển đi được thu hồi, và chỉ trước khi nơi nhận đã nhận.
    .next = Liên hệ đơn vị đang giữ hồ sơ để chuyển trả.
act-not-outside = Đơn vị này không bàn giao hồ sơ cho cơ quan bên ngoài.
    .past = Đơn vị làm thao tác không phải đơn vị đã bàn giao hồ sơ ra ngoài.
    .rule = Chỉ đơn vị đã bàn giao ghi nhận kết quả hoặc lấy lại hồ sơ.
    .next = Xem đơn vị đã bàn giao bằng "motcua dossier show".
act-not-to-return-here = Chưa có kết quả để trả, hoặc kết quả không được trả tại đơn vị này. Trạng thái hiện tại: { $status }.
    .past = Khi đó chưa có kết quả, hoặc kết quả được trả tại nơi khác.
    .rule = Kết quả được trả tại nơi công dân đã đăng ký nhận, không phụ thuộc địa giới (NĐ 118/2025/NĐ-CP).
    .next = Xem nơi trả kết quả và trạng thái bằng "motcua dossier show".
act-not-competent = Đơn vị này không có thẩm quyền giải quyết hồ sơ.
    .past = Đơn vị làm thao tác không có thẩm quyền giải quyết hồ sơ.
    .rule = Chỉ cơ quan có thẩm quyền giải quyết được làm thao tác này.
    .next = Chuyển yêu cầu đến cơ quan có thẩm quyền.
act-not-party = Đơn vị này không tham gia hồ sơ.
    .past = Đơn vị làm thao tác không tham gia hồ sơ.
    .rule = Chỉ đơn vị tiếp nhận, giải quyết, trả kết quả hoặc được chuyển đến mới ghi vào hồ sơ.
    .next = Kiểm tra lại mã hồ sơ.
act-province-only = Thao tác này chỉ máy chủ tỉnh được làm.
    .past = Thao tác này chỉ máy chủ tỉnh được làm.
    .rule = Đánh dấu và giao lại hồ sơ là việc của tỉnh.
    .next = Liên hệ bộ phận hỗ trợ của tỉnh.
act-not-settler = { $holder ->
        [none] Đơn vị này không được quyết định sai khác của hồ sơ; tỉnh quyết định.
       *[other] Đơn vị này không được quyết định sai khác của hồ sơ; { $holder } hoặc tỉnh quyết định.
    }
    .past = Đơn vị làm thao tác không được quyết định sai khác của hồ sơ.
    .rule = Đơn vị đang giữ tạm thời hoặc tỉnh quyết định sai khác.
    .next = { $holder ->
        [none] Liên hệ tỉnh.
       *[other] Liên hệ { $holder }.
    }
act-already-received = Hồ sơ đã được tiếp nhận.
    .past = Hồ sơ đã được tiếp nhận trước đó.
    .rule = Một hồ sơ chỉ được tiếp nhận một lần.
    .next = Dùng mã hồ sơ đã có.
act-not-received = Hồ sơ chưa được tiếp nhận.
    .past = Khi đó hồ sơ chưa được tiếp nhận.
    .rule = Mọi thao tác bắt đầu từ tiếp nhận (Mẫu 01).
    .next = Tiếp nhận hồ sơ trước.
act-wrong-status = Hồ sơ đang ở trạng thái "{ $status }" nên không làm được thao tác "{ $act }".
    .past = Trạng thái của hồ sơ khi đó không cho phép thao tác này.
    .rule = Bảng chuyển trạng thái hồ sơ theo mã trạng thái quốc gia 1-10.
    .next = Xem các thao tác được phép ở trạng thái này bằng "motcua dossier acts".
act-contested = Hồ sơ đang có sai khác chờ người quyết định nên chưa làm được thao tác "{ $act }".
    .past = Khi đó hồ sơ đang có sai khác chờ người quyết định.
    .rule = Khi hai bên làm khác nhau lúc mất đường truyền, chỉ được ghi chú, thêm giấy tờ cho đến khi có quyết định.
    .next = { $holder ->
        [none] Tỉnh chọn bên được tính bằng thao tác settle.
       *[other] Đơn vị đang giữ ({ $holder }) hoặc tỉnh chọn bên được tính bằng thao tác settle.
    }
act-wrong-generation = Thao tác này dựa trên tình trạng giữ hồ sơ đã cũ.
    .past = Thao tác dựa trên tình trạng giữ hồ sơ đã cũ.
    .rule = Mỗi thao tác nêu đúng lần giữ hồ sơ mà máy đã biết.
    .next = Xem lại hồ sơ rồi làm lại nếu còn cần.
act-not-signed = Kết quả chưa được ký nên chưa ban hành được.
    .past = Khi đó kết quả chưa được ký.
    .rule = Chỉ ban hành kết quả đã ký.
    .next = Ghi nhận việc ký (sign) trước khi ban hành.
act-transfer-to-self = Không thể chuyển hồ sơ cho chính đơn vị đang giữ.
    .past = Không thể chuyển hồ sơ cho chính đơn vị đang giữ.
    .rule = Chuyển hồ sơ là giao cho đơn vị khác.
    .next = Chọn đơn vị khác, hoặc dùng assign để phân công trong đơn vị.
act-field-contested = Ô này đang có hai giá trị chờ người quyết định.
    .past = Khi đó ô này có hai giá trị chờ người quyết định.
    .rule = Không ghi đè lên giá trị đang khác nhau; phải chọn một giá trị.
    .next = Chọn giá trị đúng bằng thao tác settle với tên trường.
act-field-unchanged = Giá trị mới giống giá trị đang có.
    .past = Giá trị mới giống giá trị đang có.
    .rule = Đính chính phải làm thay đổi giá trị.
    .next = Không cần làm gì.
act-settle-unknown = Quyết định nêu một thao tác mà máy này chưa biết.
    .past = Quyết định nêu một thao tác mà người quyết định chưa thấy.
    .rule = Quyết định phải nêu các thao tác của cả hai bên và chọn một trong số đó.
    .next = Lấy mã thao tác từ "motcua dossier show" rồi làm lại.
act-settle-nothing = Không có sai khác nào như quyết định đã nêu.
    .past = Không có sai khác nào như quyết định đã nêu.
    .rule = Quyết định phải nêu đủ các bên đang khác nhau và chọn một bên.
    .next = Lấy danh sách sai khác từ "motcua dossier show" rồi làm lại.
act-marked-void = Thao tác này đã bị tỉnh đánh dấu không có hiệu lực.
    .rule = Tỉnh đánh dấu thao tác sai thẩm quyền.
    .next = Xem lý do của tỉnh trong nhật ký hồ sơ.
act-done-apart = Thao tác này và một thao tác khác được làm riêng rẽ khi mất đường truyền và không thể cùng được tính.
    .rule = Thao tác làm riêng rẽ không được quyết định theo thứ tự đến hoặc theo đồng hồ.
    .next = Người giữ hồ sơ hoặc tỉnh chọn bên được tính bằng thao tác settle.
act-repeated = Thao tác này trùng với một thao tác khác và chỉ được tính một lần.
    .rule = Hai thao tác giống nhau làm riêng rẽ chỉ tính một.
    .next = Không cần làm gì.
act-too-late = Thu hồi đến sau khi nơi nhận đã nhận hồ sơ.
    .rule = Thu hồi và nhận làm riêng rẽ thì nhận được tính.
    .next = Liên hệ đơn vị đang giữ hồ sơ để chuyển trả.
act-set-aside = Người có thẩm quyền đã chọn bên kia.
    .rule = Sau quyết định, chỉ bên được chọn được tính; lịch sử vẫn giữ.
    .next = Không cần làm gì.
act-unknown = Thao tác này do phiên bản phần mềm mới hơn ghi.
    .rule = Phiên bản cũ giữ nguyên và không tự tính trạng thái.
    .next = Cập nhật phần mềm của đơn vị.
