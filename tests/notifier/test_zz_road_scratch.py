"""Scratch."""
import asyncio, time
from services.notifier.app import assemble
from services.notifier import app
from shared.service import _run
from shared.outbox import outbox_row
from shared.publish import Outgoing, publish_all
from shared.topics import ALERTS
from shared.headers import Trace, event_headers
from tests.notifier.alert_samples import *
from tests.notifier.notifier_sinks import *
from tests.waiting import wait_until
from datetime import datetime, UTC
import pytest
@pytest.mark.servers
async def test_road(engine, settings, producer, topics, tmp_path):
    (tmp_path/"subscriptions.yaml").write_text("channels:\n  mail: {kind: email, to: a@h.example}\nsubscriptions:\n  - {name: x, channels: [mail], hourly_limit: 100000}\noperators: {channels: [mail]}\n")
    with mail_sink() as sink:
        st = sink.settings(settings).model_copy(update={"config": tmp_path, "slot": "notifier-1"})
        task = asyncio.create_task(_run("notifier", assemble, st))
        await asyncio.sleep(3)
        lat=[]
        sent={}
        async def pub(n):
            a=alert(n, created_at=datetime.now(UTC))
            sent[a.incident_id]=time.monotonic()
            await publish_all(producer,[Outgoing(ALERTS,a.key().encode(),a.model_dump_json().encode(),event_headers(a,event_id=a.id,source="tracker",time=a.created_at,trace=Trace.start(a.entry_id)))])
        seen={}
        async def watch():
            while True:
                for m in sink.mails[len(seen):]:
                    seen[str(m["X-Code-Grey-Incident"])]=time.monotonic()
                await asyncio.sleep(0.005)
        w=asyncio.create_task(watch())
        for rate,count,base in ((10,50,0),(50,250,1000),(100,500,5000)):
            t=time.monotonic()
            for n in range(count):
                await pub(base+n)
                await asyncio.sleep(max(0,t+(n+1)/rate-time.monotonic()))
            total=len(sent)
            await wait_until(lambda: len(sink.mails)>=total, within=60)
            await asyncio.sleep(0.1)
            ids=list(sent)[-count:]
            l=sorted(seen[i]-sent[i] for i in ids)
            print("RATE",rate,"p50",l[len(l)//2],"p99",l[int(len(l)*.99)],"max",l[-1])
        w.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
