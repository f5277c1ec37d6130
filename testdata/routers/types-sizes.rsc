# Sizes with units, and queues on interfaces that this part of an export lacks.
/queue type
add cake-flowmode=dual-dsthost cake-memlimit=32.0MiB cake-mpu=84 cake-overhead=38 cake-overhead-scheme=ethernet cake-rtt=50ms kind=cake name=rx
add fq-codel-interval=10ms fq-codel-memlimit=16.0MiB fq-codel-quantum=300 fq-codel-target=5ms kind=fq-codel name=other
/queue tree
add bucket-size=0.05 comment="download, CAKE" max-limit=1G name=down packet-mark=no-mark parent=bridge1 queue=rx
add bucket-size=0.03 max-limit=60M name=up packet-mark=no-mark parent=pppoe-out1 queue=fq-codel-ethernet-default
