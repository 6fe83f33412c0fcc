#!/bin/sh
# headgate's transform, configured for one of the jobs: headgate.sh metrics|dynamodb|storeapp|nested|apache
export ERROR_PREFIX='errors/!{firehose:error-output-type}/'
case $1 in
metrics)
    export S3_PREFIX='!{partitionKeyFromLambda:componentName}/'
    export RECORD_QUERY='. + (.fromTimestamp | rfc3339 | {year: strftime("%Y"), month: strftime("%m"), day: strftime("%d"), hour: strftime("%H")})'
    export CONTRACT='componentName string not null, minValue double not null, maxValue double not null, fromTimestamp string not null'
    ;;
dynamodb)
    export S3_PREFIX='year=!{partitionKeyFromLambda:year}/month=!{partitionKeyFromLambda:month}/date=!{partitionKeyFromLambda:date}/'
    export RECORD_FORMAT=dynamodb
    export RECORD_QUERY='del(.PK, .SK) + (.createdAt | rfc3339 | {year: strftime("%Y"), month: strftime("%m"), date: strftime("%d")})'
    export CONTRACT='createdAt string not null'
    ;;
storeapp)
    export S3_PREFIX='store_id=!{partitionKeyFromLambda:store_id}/'
    export RECORD_QUERY='. + (.timestamp | rfc3339 | {year: strftime("%Y"), month: strftime("%m"), day: strftime("%d")})'
    export CONTRACT='store_id string not null, quantity bigint not null, timestamp string not null'
    ;;
nested)
    export S3_PREFIX='tenant=!{partitionKeyFromLambda:tenant}/'
    export PARTITION_QUERY='{tenant: .tenant.id}'
    ;;
apache)
    export S3_PREFIX='status=!{partitionKeyFromLambda:status}/'
    export RECORD_FORMAT=apache
    export RECORD_QUERY='{host, ident: (.ident // "-"), authuser: (.authuser // "-"), "@timestamp": (.["@timestamp"] | rfc3339 | strftime("%d/%b/%Y:%H:%M:%S +0000")), request, response, bytes: (.bytes // 0), referrer: (.referrer // "-"), agent: (.agent // "-")}'
    export PARTITION_QUERY='{status: (.response | tostring)}'
    ;;
*)
    echo "expected a job, got \`$1\`" >&2
    exit 2
    ;;
esac
exec "${HEADGATE:-$(dirname "$0")/../.aws-sam/build/FirehoseTransformFunction/bootstrap}"
