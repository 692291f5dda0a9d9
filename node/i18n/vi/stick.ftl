### USB: gói dữ liệu mang tay.

## Những gì bị từ chối

bundle-file = Không đọc hoặc không ghi được tệp { $path }: { $why }.
    .next = Kiểm tra USB (chỗ trống, khóa ghi, đường dẫn) rồi chạy lại; không mất gì.
bundle-file-exists = Đã có tệp { $path }; tệp được giữ nguyên.
    .rule = Gói USB không bao giờ ghi đè lên tệp khác.
    .next = Đặt tên khác ở --out, hoặc xóa tệp cũ nếu tệp đó đã được nhận.
bundle-too-many-parts = Gói sẽ có quá { $most } phần.
    .rule = Số phần của một gói có giới hạn.
    .next = Chọn phần lớn hơn ở --part-mb.
bundle-not-a-bundle = { $path } không phải tệp của chương trình này.
    .rule = Chỉ nhận được các tệp USB do "motcua" ghi.
    .next = Kiểm tra lại tên tệp.
bundle-newer = { $path } do chương trình mới hơn ghi (dạng { $found }; chương trình này đọc đến dạng { $ours }). Chưa nhận gì.
    .rule = Chương trình chỉ nhận những dạng mà nó biết.
    .next = Cập nhật chương trình trên máy này rồi nhận lại tệp.
bundle-truncated = { $path } không đủ: thiếu phần cuối. Chưa nhận gì.
    .rule = Chỉ nhận tệp còn nguyên vẹn.
    .next = Chép lại tệp; nhớ tháo USB an toàn trước khi rút.
bundle-damaged = { $path } bị hỏng hoặc đã bị sửa trên đường. Chưa nhận gì.
    .rule = Chỉ nhận tệp đúng như bên gửi đã ký.
    .next = Chép lại tệp. Nếu vẫn lỗi, bên gửi ghi gói mới; báo tỉnh nếu lặp lại.
bundle-unreadable = { $path } chứa nội dung chương trình này không đọc được. Chưa nhận gì.
    .rule = Chương trình chỉ nhận những gì đọc được trọn vẹn.
    .next = Cập nhật chương trình ở cả hai bên rồi ghi gói mới.
bundle-other-province = { $path } thuộc tỉnh khác. Chưa nhận gì.
    .rule = Các máy chỉ trao đổi dữ liệu trong tỉnh mình.
    .next = Kiểm tra có đúng USB không.
bundle-other-machine = { $path } được niêm phong cho máy khác; máy này không mở được.
    .rule = Chỉ máy được gửi mới đọc được tệp.
    .next = Xem tệp gửi cho máy nào bằng "motcua bundle inspect TỆP" rồi mang đến đó.
bundle-not-from-province = { $path } không phải do máy chủ của tỉnh này ghi. Chưa nhận gì.
    .rule = Máy xã chỉ nhận gói của máy chủ tỉnh mình.
    .next = Đề nghị tỉnh ghi gói mới.
bundle-unknown-machine = { $path } đến từ máy mà tỉnh này không biết ({ $node }).
    .rule = Tỉnh chỉ nhận dữ liệu của các máy đã được cấp.
    .next = Nếu có kèm tệp yêu cầu cấp máy, hãy cấp trước bằng "motcua enrol grant YÊU_CẦU --out TỆP" rồi nhận tệp này.
bundle-no-province-keys = Máy này chưa biết khóa của tỉnh nên chưa niêm phong được gì cho tỉnh.
    .rule = Dữ liệu rời máy bằng USB chỉ tỉnh đọc được.
    .next = Để máy gọi về tỉnh một lần ("motcua sync now") rồi ghi gói.
bundle-to-banned = Máy { $node } đã bị cấm; không ghi gì cho máy này.
    .rule = Máy bị cấm không nhận thêm gì nữa.
    .next = Cấp máy khác cho đơn vị bằng "motcua enrol new".
bundle-busy = Tỉnh đang quá bận nên chưa xác nhận được những gì đang có.
    .next = Chạy lại sau ít phút; chưa có gì được ghi.
bundle-one-province = Gói của xã luôn gửi về tỉnh của mình.
    .rule = --node và --agency chỉ dùng trên máy chủ tỉnh.
    .next = Bỏ các tùy chọn đó.
bundle-for-whom = Chưa nêu gói ghi cho máy nào.
    .rule = Tỉnh ghi mỗi gói cho một máy.
    .next = Nêu bằng --agency MÃ hoặc --node MÃ_MÁY; xem "motcua enrol list".
bundle-no-machine = Đơn vị { $agency } không có máy nào đang dùng.
    .rule = Gói được niêm phong cho một máy đã cấp.
    .next = Kiểm tra mã đơn vị; xem "motcua enrol list".
bundle-other-part = { $path } không phải phần tiếp theo của gói này. Chưa nhận gì.
    .rule = Các phần đặt cạnh tệp đầu phải cùng một gói.
    .next = Để các phần của mỗi gói vào thư mục riêng, hoặc nhận từng phần.
bundle-is-changes = { $path } là dữ liệu của xã gửi tỉnh.
    .rule = Gói của xã được nhận tại máy chủ tỉnh.
    .next = Mang đến tỉnh.
bundle-is-return = { $path } là gói tỉnh trả cho xã.
    .rule = Gói của tỉnh được nhận tại máy xã.
    .next = Mang đến xã.
bundle-is-for-init = { $path } dùng để thiết lập máy.
    .rule = Tệp cấp máy không phải gói dữ liệu.
    .next = Dùng với "motcua commune init".
bundle-is-request = { $path } là yêu cầu cấp máy.
    .rule = Tỉnh trả lời yêu cầu, không nhận như gói dữ liệu.
    .next = Tại tỉnh: "motcua enrol grant TỆP --out TỆP_TRẢ_LỜI".
bundle-is-backup = { $path } là bản sao lưu.
    .rule = Bản sao lưu được phục hồi vào thư mục trống.
    .next = Dùng "motcua backup restore TỆP".
bundle-kind-unknown = { $path } thuộc loại chương trình này không biết.
    .rule = Chương trình chỉ nhận những loại mà nó biết.
    .next = Cập nhật chương trình trên máy này.

## Tình trạng cần biết

bundle-gap = Gói của tỉnh nối tiếp sau những gì máy này đang có nên chưa dùng được hết. Không mất gì.
    .next = Ghi gói mới tại đây ("motcua bundle export"), mang lên tỉnh và nhận gói trả lời; hoặc nhận gói trước đó nếu có.

## Kết quả

done-bundle-changes = Đã ghi cho tỉnh: { $count } thay đổi mà tỉnh có thể chưa có.
done-bundle-return = Đã ghi cho { $agency }: { $count } mục và xác nhận của tỉnh số { $number }.
bundle-part = { $file } ({ $bytes } byte)
bundle-carry = Người mang không cần quyền gì và không đọc được gì. Nhớ tháo USB an toàn trước khi rút.
bundle-older = Gói này cũ hơn những gì đang có. Không có gì thay đổi.
bundle-nothing-new = Mọi thứ trong gói này đều đã có.
bundle-took-changes = Đã nhận { $count } thay đổi mới. Gói trả lời kèm xác nhận: "motcua bundle export --agency MÃ --out TỆP".
bundle-took-return = Đã nhận { $count } mục và { $items } công bố của tỉnh.
bundle-partial-changes = Chưa dùng được hết ({ $count } thay đổi nối sau những thay đổi chưa có). Không mất gì: gói sau của máy này sẽ mang lại.
bundle-partial-return = Chưa dùng được hết vì thiếu phần trước đó. Không mất gì: xem "motcua sync status".
bundle-from-banned = Máy này đã bị cấm: dữ liệu mang đến được giữ lại, chưa áp dụng.
bundle-kept = { $count } mục của máy này chờ người quyết định: "motcua quarantine list".
bundle-says = { $kind } { $bundle }, phần { $part }
    từ máy: { $from }
    cho máy: { $to }
    ghi lúc: { $at }
    cỡ: { $bytes } byte
bundle-is-last = Đây là phần cuối.
bundle-is-not-last = Còn phần tiếp theo.
bundle-is-sealed = Nội dung được niêm phong; máy này không mở được.
bundle-holds = Bên trong: { $changes } thay đổi, { $feed } mục của đơn vị, { $items } công bố.
bundle-kind-changes = Gói của xã
bundle-kind-return = Gói của tỉnh
bundle-kind-pack = Gói thiết lập máy mới
bundle-kind-request = Yêu cầu cấp máy
bundle-kind-grant = Trả lời cấp máy
bundle-kind-backup = Bản sao lưu
bundle-kind-unknown-word = Tệp loại không rõ

## Cấp máy không cần đường truyền

pack-not-a-pack = { $path } không phải gói thiết lập máy mới.
    .rule = Máy chưa có đường truyền được thiết lập bằng gói và mã cấp máy.
    .next = Xin tỉnh tệp do "motcua enrol new --pack" ghi.
pack-other-token = { $path } không đi với mã cấp máy này.
    .rule = Gói chỉ mở được bằng mã cấp cùng với nó.
    .next = Kiểm tra tệp và mã có được cấp cùng nhau không.
pack-expired = Gói này có hạn đến { $at }; đồng hồ máy này đã quá hạn đó.
    .rule = Mã của gói có thời hạn.
    .next = Kiểm tra đồng hồ của máy. Nếu đúng giờ, xin tỉnh gói mới cho đơn vị.
pack-not-a-request = { $path } không phải yêu cầu cấp máy.
    .rule = Tỉnh trả lời tệp yêu cầu do "motcua commune init --request" ghi.
    .next = Kiểm tra tên tệp; xem tệp là gì bằng "motcua bundle inspect TỆP".
pack-not-a-grant = { $path } không phải tệp trả lời cấp máy.
    .rule = Máy thiết lập bằng gói được hoàn tất bằng tệp trả lời của tỉnh.
    .next = Kiểm tra tên tệp; xem tệp là gì bằng "motcua bundle inspect TỆP".
machine-not-granted = Máy này được thiết lập khi chưa có đường truyền và chưa nhận được trả lời của tỉnh. Máy vẫn tiếp nhận và xử lý hồ sơ; chưa gọi được về tỉnh.
    .rule = Tỉnh chỉ nối máy với những máy đã được chứng nhận.
    .next = Mang tệp yêu cầu lên tỉnh ("motcua enrol grant YÊU_CẦU --out TỆP") và mang tệp trả lời về đây ("motcua commune init --grant TỆP"). Gói dữ liệu có thể đi cùng.
done-enrol-pack = Đã ghi gói thiết lập cho { $agency }. Mã cấp máy, dùng một lần, đến { $until }:
    { $token }
    Chuyển mã riêng, không để cùng tệp. Tại máy của đơn vị, chạy:
      motcua --dir THƯ_MỤC commune init --pack TỆP --token MÃ_CẤP_MÁY --request YÊU_CẦU
    Trong gói có sẵn dãy số: máy tiếp nhận hồ sơ được ngay. Phiên bản này chưa có đăng nhập cán bộ nên gói không có mã PIN.
done-enrol-grant = Đã cấp: máy { $node } của { $agency }.
    Mang { $out } về máy đó rồi chạy:
      motcua --dir THƯ_MỤC commune init --grant TỆP
done-commune-pack = Máy của { $name } ({ $seat }) đã thiết lập, có danh mục của tỉnh và dãy số.
    Từ bây giờ máy tiếp nhận, xử lý hồ sơ và ghi gói USB cho tỉnh. Chưa làm được: gọi về tỉnh.
    Việc tiếp theo: mang tệp yêu cầu lên tỉnh; khi có tệp trả lời,
      motcua --dir { $dir } commune init --grant TỆP

## Sao lưu

bundle-is-for-restore = { $path } dùng để phục hồi bản sao lưu trên máy khác, không mang hồ sơ.
    .rule = Tệp yêu cầu gửi lên tỉnh, tệp trả lời mang về máy đã yêu cầu.
    .next = Tại tỉnh: "motcua enrol grant TỆP --out TỆP". Tại đơn vị: "motcua backup restore BẢN_SAO --grant TỆP".
backup-running = Đang có lần sao lưu hoặc kiểm tra khác trong { $path }.
    .next = Chờ xong rồi chạy lại.
backup-not-empty = Thư mục { $path } không trống; chưa phục hồi gì.
    .rule = Bản sao lưu được phục hồi vào thư mục trống, hoặc thư mục chỉ có phần "identity" của chính máy đó.
    .next = Nêu thư mục mới ở --dir. Giữ thư mục cũ: dữ liệu ở đó có thể mới hơn bản sao lưu.
backup-machine-works = Máy này ({ $node }) đang làm việc trên máy tính này; chưa phục hồi gì.
    .rule = Mỗi máy làm việc từ một thư mục.
    .next = Dừng "motcua serve" và các lệnh khác của máy, rồi chạy lại.
backup-needs-keys = Ở đây không có khóa mở { $path }.
    .rule = Bản sao lưu được niêm phong cho máy của nó và cho tỉnh.
    .next = Nêu ở --keys thư mục cũ của máy (hoặc bản chép có phần "identity"). Không còn thì chạy "motcua backup restore TỆP --request YÊU_CẦU", mang yêu cầu lên tỉnh rồi phục hồi bằng --grant.
backup-own-keys-only = Chỉ chính máy đã ghi mới mở được { $path }: khi đó máy chưa biết khóa của tỉnh.
    .rule = Bản sao lưu được niêm phong cho máy của nó, và cho tỉnh khi máy đã biết khóa của tỉnh.
    .next = Nêu ở --keys thư mục cũ của máy (hoặc bản chép phần "identity").
backup-part-missing = Thiếu phần { $path } của bản sao lưu.
    .rule = Phục hồi cần đủ mọi phần của bản sao lưu.
    .next = Để mọi phần vào một thư mục, đúng tên, rồi chạy lại.
backup-not-a-backup = { $path } không phải bản sao lưu.
    .rule = Chỉ phục hồi được tệp do "motcua backup create" ghi.
    .next = Xem tệp là gì bằng "motcua bundle inspect TỆP".
backup-not-a-grant = { $path } không phải tệp trả lời của tỉnh cho phép mở bản sao lưu.
    .rule = Trên máy không có khóa, phục hồi cần tệp trả lời của tỉnh.
    .next = Xem tệp là gì bằng "motcua bundle inspect TỆP".
backup-not-asked = Chưa có yêu cầu nào ghi từ { $path }.
    .rule = Tệp trả lời chỉ mở được bản sao lưu ở nơi đã ghi yêu cầu.
    .next = Nêu ở --dir thư mục đã dùng khi yêu cầu, hoặc yêu cầu lại: "motcua backup restore TỆP --request YÊU_CẦU".
backup-grant-other = { $path } là bản sao lưu khác với bản mà tỉnh trả lời.
    .rule = Tệp trả lời của tỉnh mở đúng một bản sao lưu.
    .next = Phục hồi đúng bản đã yêu cầu, hoặc yêu cầu lại cho bản này.
backup-machine-unknown = { $path } không phải của bản sao lưu do máy mà tỉnh này đã chứng nhận ghi ra.
    .rule = Tỉnh chỉ mở bản sao lưu của máy thuộc các xã trong tỉnh.
    .next = Nếu máy thiết lập bằng gói và chưa được trả lời, phục hồi tại đây bằng --keys và thư mục của tỉnh.
backup-machine-banned = Máy { $node } của bản sao lưu này đã bị cấm.
    .rule = Không phục hồi máy đã bị cấm.
    .next = Cấp máy khác cho đơn vị ("motcua enrol new"). Để xem phần chỉ còn trong bản sao lưu, phục hồi tại tỉnh bằng --keys và thư mục của tỉnh, rồi nhận gói của máy đó.
done-backup-create = Đã sao lưu { $agency } tại thời điểm { $at } ({ $position } mục). Cất tệp ở nơi khác máy này.
backup-only-own-keys = Chỉ khóa của chính máy này mở được: cất một bản chép của thư mục "identity" ở nơi an toàn, tách khỏi bản sao lưu. Trên máy chủ tỉnh, thư mục đó có khóa chứng thực: ai giữ khóa là giữ quyền của tỉnh.
done-backup-verify = Bản sao lưu của { $agency } lúc { $at } nguyên vẹn: đủ phần, chữ ký, tệp và cơ sở dữ liệu ({ $position } mục).
done-backup-verify-outside = Bản sao lưu của máy { $node } lúc { $at } nguyên vẹn: đủ các phần, đúng như máy đã ký.
    Chưa xem bên trong vì ở đây không có khóa. Nêu thư mục có khóa ở --keys.
done-backup-restore = Đã phục hồi { $agency } như lúc { $at } ({ $position } mục, máy { $node }).
    Phần đã gửi sau đó sẽ về lại từ tỉnh. Tiếp theo: "motcua serve", rồi "motcua sync status".
    Nếu còn bản khác của máy này đang chạy ở đâu đó, hãy dừng bản đó trước.
backup-new-series = Máy cấp mã tiếp trong dãy số mới: { $series }.
backup-no-series = Tệp đối chứng trên máy tính này không cho biết mã đã cấp đến đâu: máy cấp mã lại khi tỉnh gửi dãy số mới (trong lần kết nối hoặc gói tới).
backup-findings = Cơ sở dữ liệu có { $count } lỗi, đã có từ lúc sao lưu:
backup-copying = Đang chép cơ sở dữ liệu: { $percent } %
backup-writing = Đang niêm phong và ghi: { $percent } %
backup-reading = Đang mở và kiểm tra: { $percent } %
done-backup-request = Đã ghi yêu cầu ra { $request }, cho bản sao lưu của máy { $node } lúc { $at }. Chưa phục hồi gì.
    Mang lên tỉnh ("motcua enrol grant YÊU_CẦU --out TỆP"). Tỉnh sẽ hỏi mã này: { $code }
    Sau đó, với cùng --dir, chạy: motcua backup restore BẢN_SAO --grant TỆP
done-restore-grant = Người ghi yêu cầu này được mở bản sao lưu của { $agency } lúc { $at } (máy { $node }).
    Trước khi giao tệp, gọi điện hỏi đơn vị mã trên màn hình của họ. Mã phải là: { $code }
    Tại đơn vị: motcua backup restore BẢN_SAO --grant { $out }
bundle-kind-restore-request = Yêu cầu mở bản sao lưu
bundle-kind-restore-grant = Cho phép mở bản sao lưu
