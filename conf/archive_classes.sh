#!/bin/sh
# Faster starts on this machine, once after each installation:
#   sh conf/archive_classes.sh
# Runs the demonstration and keeps the classes that it loaded, as Java holds them in memory, in the
# file .classes.jsa (200 MB). conf/local.conf names that file; Java maps it into memory instead of
# reading, checking and linking some 20,000 classes again, which saves every job about 4 s. Without the
# file, or with one that another Java or other JARs made, Java starts as ever.
set -e
options=$(sed -n 's/^spark.driver.extraJavaOptions *//p' conf/local.conf | sed 's/-XX:SharedArchiveFile=[^ ]*//')
model=$(mktemp -d)
rm -f .classes.jsa
spark-submit --properties-file conf/local.conf --driver-java-options "$options -XX:ArchiveClassesAtExit=.classes.jsa" \
    jobs/train_cdimf.py --output "$model/model"
rm -rf "$model"
ls -l .classes.jsa
