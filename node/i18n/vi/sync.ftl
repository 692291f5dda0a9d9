### Đồng bộ: kết quả phiên và tình trạng.
