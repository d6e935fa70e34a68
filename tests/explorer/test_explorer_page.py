"""The explorer's page in a real browser: by keyboard, by mouse and on a phone."""

import functools
import io
import re
import threading

import numpy as np
import pytest
from PIL import Image

from support.small_explorer import write_small_export
from support.small_models import random_images, small_class_model, small_wolf
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.description import describe
from tfwolf.explorer.export_folder import read_details
from tfwolf.explorer.server import Server
from tfwolf.serving.c_api import Servable
from tfwolf.serving.versions import find_version

webdriver = pytest.importorskip('selenium.webdriver', reason='needs selenium (extra "test")')

SECONDS = 60


class Adjustable:
    """A model that can be made to wait, and reports chosen images as not finite.

    Attributes:
        is_open: an event; calls wait until it is set.
        bad_images: indices of the images that are not finite, in every call.
    """

    def __init__(self, servable):
        self._servable = servable
        self.signatures = servable.signatures
        self.is_open = threading.Event()
        self.is_open.set()
        self.bad_images = []

    def __call__(self, name, inputs):
        self.is_open.wait()
        outputs = self._servable(name, inputs)
        if 'finite' in outputs:
            # Its own samples are not all finite.
            numbers = np.arange(outputs['finite'].size)
            outputs['finite'] = ~np.isin(numbers, self.bad_images).reshape(outputs['finite'].shape)
        return outputs


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """Return (`Adjustable`, address of its page) for a small real model."""
    folder = tmp_path_factory.mktemp('wolf')
    version = find_version(str(write_small_export(small_wolf(images=random_images(32)), folder)))
    model = Adjustable(Servable(version))
    actions = Actions(model, describe(model.signatures, read_details(version)), 'wolf/1')
    # The first call of a signature takes long on a busy machine.
    actions.warm_up()
    server = Server('127.0.0.1', 0, actions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield model, server.address
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def address(site):
    return site[1]


def test_classes_have_their_names(browser, tmp_path):
    exported = write_small_export(small_class_model(), tmp_path, ('cat', 'dog', 'frog'))
    version = find_version(str(exported))
    model = Servable(version)
    actions = Actions(model, describe(model.signatures, read_details(version)), 'pets')
    actions.warm_up()
    server = Server('127.0.0.1', 0, actions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        browser.get(server.address)
        classes = '#sample-class option'
        until(browser, lambda: len(browser.find_elements('css selector', classes)) == 3)
        names = [field.text for field in browser.find_elements('css selector', classes)]
        assert names == ['cat', 'dog', 'frog']
        find(browser, f'{classes}[value="2"]').click()
        first = '#gallery button'
        until(
            browser,
            lambda: find(browser, first).get_attribute('aria-label') == 'Sample 1, class frog',
        )
        find(browser, first).click()
        chosen = '.slot[data-side=a] select'
        until(browser, lambda: find(browser, chosen).get_attribute('value') == '2')
        assert not browser.get_log('browser')
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def page(browser, address):
    """Return the browser with the page and all its images loaded; check its console at the end."""
    browser.get(address)
    wait_for_images(browser)
    yield browser
    # The browser itself logs a refused request.
    assert not [
        entry['message']
        for entry in browser.get_log('browser')
        if '/api/upload - Failed to load resource' not in entry['message']
    ]


def wait_for_images(browser):
    script = 'return document.querySelectorAll(".cells img[src]").length === 49'
    until(browser, lambda: browser.execute_script(script))


def until(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, SECONDS, 0.05).until(lambda _: condition())


def find(page, selector):
    return page.find_element('css selector', selector)


def shown(page, selector='#live'):
    return find(page, selector).get_attribute('src')


def until_equal(page, selector):
    """Wait until the interpolated image equals another one."""
    until(page, lambda: shown(page) == shown(page, selector))


def changes(page, act, selector='#live'):
    """Call `act` and wait until an image has changed."""
    before = shown(page, selector)
    act()
    until(page, lambda: shown(page, selector) != before)


def test_arrow_keys_on_a_slider_change_the_image(page):
    for name in ('alpha', 'beta'):
        slider = find(page, f'#{name}')
        changes(page, functools.partial(slider.send_keys, '\ue012' * 20))
        assert (
            slider.get_attribute('value') == '0.3' and find(page, f'#{name}-value').text == '0.30'
        )


def test_ends_of_the_sliders_are_the_images(page):
    for key, side in (('\ue011', 'a'), ('\ue010', 'b')):
        for name in ('alpha', 'beta'):
            find(page, f'#{name}').send_keys(key)
        until_equal(page, f'.slot[data-side={side}] img')


def test_dragging_a_slider(page):
    slider = find(page, '#beta')
    changes(
        page,
        lambda: (
            webdriver.ActionChains(page)
            .drag_and_drop_by_offset(slider, slider.size['width'] // 4, 0)
            .perform()
        ),
    )
    assert float(slider.get_attribute('value')) > 0.7


def test_grid_by_mouse_and_by_keyboard(page):
    grid = find(page, '#grid')
    corner = {'width': grid.size['width'] // 2 - 5, 'height': grid.size['height'] // 2 - 5}
    click = (
        webdriver.ActionChains(page)
        .move_to_element_with_offset(grid, -corner['width'], corner['height'])
        .click()
    )
    changes(page, click.perform)
    # Bottom left: z of A and v of B.
    until_equal(page, '#z_of_a_v_of_b')
    assert [find(page, f'#{name}').get_attribute('value') for name in ('alpha', 'beta')] == [
        '0',
        '1',
    ]
    changes(page, lambda: grid.send_keys('\ue014\ue013'))
    assert [find(page, f'#{name}').get_attribute('value') for name in ('alpha', 'beta')] == [
        '0.05',
        '0.95',
    ]


def test_a_sample_becomes_b(page):
    find(page, 'input[name=target][value=b]').send_keys(' ')
    sample = page.find_elements('css selector', '.gallery button')[7]
    changes(page, lambda: sample.send_keys('\ue007'))
    until(
        page,
        lambda: (
            shown(page, '.slot[data-side=b] img')
            == sample.find_element('css selector', 'img').get_attribute('src')
        ),
    )


def test_temperature_and_seed_change_the_samples(page):
    first = '.gallery button img'
    changes(page, lambda: find(page, '#temperature-v').send_keys('\ue012' * 5), first)
    changes(page, lambda: find(page, '#draw').click(), first)
    count = find(page, '#count')
    count.clear()
    count.send_keys('5\t')
    until(page, lambda: len(page.find_elements('css selector', '.gallery button')) == 5)
    count.clear()
    count.send_keys('500\t')
    until(page, lambda: 'Images must be an integer from 1 to 100.' in find(page, '#message').text)
    count.clear()
    count.send_keys('6\t')
    until(page, lambda: not find(page, '#message').is_displayed())


@pytest.mark.parametrize('kind', ['webp', 'bmp', 'gif'])
def test_uploaded_image(page, tmp_path, kind):
    name = f'red.{kind}'
    Image.new('RGB', (60, 40), (200, 30, 30)).save(tmp_path / name)
    slot = find(page, '.slot[data-side=a]')
    upload = slot.find_element('css selector', 'input[type=file]')
    assert f'image/{kind}' in upload.get_attribute('accept').split(',')
    changes(page, lambda: upload.send_keys(str(tmp_path / name)))
    assert (
        slot.find_element('css selector', '.note').text
        == f'{name}: 60 × 40, cropped to its center and resized to 8 × 8'
    )
    until(
        page,
        lambda: re.fullmatch(
            r'\d+\.\d\d bits/dim', slot.find_element('css selector', '.bits').text
        ),
    )


@pytest.mark.parametrize(
    'name, content, message',
    [
        ('letter.png', b'Dear all', 'This file is not a PNG, JPEG, WebP, BMP, GIF or TIFF image.'),
        ('large.png', bytes(11 * 2**20), 'a file can have at most 10 MB; this one has 11 MB.'),
    ],
)
def test_invalid_upload_changes_nothing(page, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    slot = find(page, '.slot[data-side=b]')
    before = shown(page, '.slot[data-side=b] img')
    slot.find_element('css selector', 'input[type=file]').send_keys(str(tmp_path / name))
    note = slot.find_element('css selector', '.note')
    until(page, lambda: note.text == f'{name}: {message}')
    assert shown(page, '.slot[data-side=b] img') == before


def test_one_request_at_a_time_and_the_last_value_wins(page):
    counted = """
        const send = window.fetch; window.most = 0; window.sent = 0; let open = 0;
        window.fetch = async (...request) => {
          window.sent += 1; window.most = Math.max(window.most, ++open);
          await new Promise((done) => setTimeout(done, 100));
          try { return await send(...request); } finally { open -= 1; }
        };
        const slider = document.getElementById('alpha');
        for (let value = 0; value <= 100; value++) {
          slider.value = value / 100;
          slider.dispatchEvent(new Event('input'));
        }"""
    changes(page, lambda: page.execute_script(counted))
    for name in ('alpha', 'beta'):
        find(page, f'#{name}').send_keys('\ue010')
    until_equal(page, '.slot[data-side=b] img')
    assert (
        page.execute_script('return window.most') == 1
        and page.execute_script('return window.sent') < 10
    )


def test_images_are_saved_at_their_own_size(browser, page, tmp_path):
    browser.execute_cdp_cmd(
        'Browser.setDownloadBehavior', {'behavior': 'allow', 'downloadPath': str(tmp_path)}
    )
    for selector, name, size in (
        ('#save-live', 'wolf_0.5_0.5.png', (8, 8)),
        ('.slot[data-side=a] .save', 'wolf_a.png', (8, 8)),
        ('#save-grid', 'wolf_grid.png', (62, 62)),
        ('#save-samples', 'wolf_samples.png', (71, 26)),
    ):
        find(page, selector).click()
        until(page, (tmp_path / name).exists)
        assert Image.open(io.BytesIO((tmp_path / name).read_bytes())).size == size


def test_save_buttons_have_different_names(page):
    names = [button.accessible_name for button in page.find_elements('css selector', '.save')]
    assert names == [
        'Save image A',
        'Save image B',
        'Save interpolated image',
        'Save interpolation grid',
        'Save z of A with v of B',
        'Save z of B with v of A',
        'Save sample grid',
    ]


# Elements that the browser shows as broken images: visible, without pixels.
BROKEN = """return [...document.images].filter(
    (image) => image.checkVisibility() && !(image.complete && image.naturalWidth)).length"""


def test_placeholders_until_there_are_images(browser, site):
    model, address = site
    model.is_open.clear()
    try:
        browser.get(address)
        until(browser, lambda: find(browser, 'body.ready'))
        assert browser.execute_script(BROKEN) == 0
        shown_frames = [
            frame.size['height']
            for frame in browser.find_elements('css selector', '.frame.empty')
            if frame.is_displayed()
        ]
        # A, B, the interpolation, two switches, the grid and the samples.
        assert len(shown_frames) == 5 + 49 + 24 and min(shown_frames) > 20
        assert find(browser, '#waiting').is_displayed()
    finally:
        model.is_open.set()
    wait_for_images(browser)
    until(browser, lambda: not browser.find_elements('css selector', '.frame.empty'))
    assert browser.execute_script(BROKEN) == 0


def test_images_that_are_not_finite_are_counted(browser, site):
    model, address = site
    model.bad_images = [0, 2, 5]
    try:
        browser.get(address)
        wait_for_images(browser)
        until(browser, lambda: find(browser, '#grid-note').text)
        assert find(browser, '#grid-note').text == '3 of 49 images are not finite and crossed out.'
        assert find(browser, '#samples-note').text == (
            '3 of 24 samples are not finite and crossed out. A lower temperature can help.'
        )
        assert find(browser, '#live-note').text == 'This image is not finite.'
        buttons = browser.find_elements('css selector', '.gallery button')
        assert [index for index, button in enumerate(buttons) if not button.is_enabled()] == [
            0,
            2,
            5,
        ]
        assert buttons[2].accessible_name == 'Sample 3, not finite'
        # The first valid samples become A and B.
        for side, index in (('a', 1), ('b', 3)):
            picture = buttons[index].find_element('css selector', 'img')
            assert shown(browser, f'.slot[data-side={side}] img') == picture.get_attribute('src')
        model.bad_images = []
        find(browser, '#draw').click()
        until(browser, lambda: not find(browser, '#samples-note').text)
    finally:
        model.bad_images = []


def test_nothing_is_loaded_from_other_origins(page, address):
    loaded = page.execute_script(
        'return performance.getEntriesByType("resource").map((entry) => entry.name)'
    )
    assert len(loaded) > 8 and all(name.startswith((address, 'data:')) for name in loaded)


@pytest.mark.parametrize('width', [360, 390])
def test_page_fits_a_phone(browser, page, width):
    try:
        browser.execute_cdp_cmd(
            'Emulation.setDeviceMetricsOverride',
            {'width': width, 'height': 844, 'deviceScaleFactor': 2, 'mobile': True},
        )
        assert browser.execute_script('return document.documentElement.scrollWidth') <= width
        elements = browser.find_elements('css selector', 'button, input[type=range], .button')
        small = [
            element.text or element.get_attribute('id')
            for element in elements
            if element.is_displayed() and element.size['height'] < 30
        ]
        assert not small, f'too small to touch: {small}'
    finally:
        browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


def test_message_while_the_server_is_gone(browser, page):
    browser.execute_cdp_cmd('Network.enable', {})
    browser.execute_cdp_cmd(
        'Network.emulateNetworkConditions',
        {'offline': True, 'latency': 0, 'downloadThroughput': 0, 'uploadThroughput': 0},
    )
    try:
        find(page, '#alpha').send_keys('\ue012')
        until(page, lambda: 'The explorer does not answer' in find(page, '#message').text)
    finally:
        browser.execute_cdp_cmd(
            'Network.emulateNetworkConditions',
            {'offline': False, 'latency': 0, 'downloadThroughput': -1, 'uploadThroughput': -1},
        )
    changes(page, lambda: find(page, '#alpha').send_keys('\ue012'))
    assert not find(page, '#message').is_displayed()
    page.get_log('browser')
