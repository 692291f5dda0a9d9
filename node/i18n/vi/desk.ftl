### Bàn làm việc: lời từ chối cho từng dòng nhập.
