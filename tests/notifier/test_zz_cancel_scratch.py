"""Scratch."""
import asyncio, time, random
from services.notifier.deliver import Deliverer
from tests.notifier.alert_samples import *
import pytest
@pytest.mark.servers
@pytest.mark.timeout(300)
async def test_cancel(engine, settings):
    worst=0
    for n in range(400):
        from shared.database import open_engine
        engine=open_engine(settings)
        d=Deliverer(engine, settings, subscriptions, asyncio.Event())
        t=asyncio.create_task(d.run())
        await asyncio.sleep(random.random()*0.08)
        t.cancel()
        t0=time.monotonic()
        done,p=await asyncio.wait([t],timeout=8)
        took=time.monotonic()-t0
        worst=max(worst,took)
        if p:
            import traceback
            print("STUCK",n); 
            for task in asyncio.all_tasks(): 
                task.print_stack(limit=6)
            t.print_stack()
            await asyncio.wait([t]); print("took",time.monotonic()-t0)
            break
        t1=time.monotonic(); await engine.dispose(); worst=max(worst,time.monotonic()-t1)
    print("worst",worst)
